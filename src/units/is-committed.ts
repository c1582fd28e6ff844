import { CommitOutcomeUnknownError } from "../errors/commit-outcome-unknown-error";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import type { Guard } from "../guarding/guard";
import { UnitFlow } from "../guarding/unit-flow";
import type { UnitOfWorkOptions } from "./unit-of-work-options";

/**
 * Asks `verifyCommitted` about a unit whose COMMIT failed with `error`. What it reads by the DataSource's own managers is
 * read on the primary: a replica may not have heard of the commit yet.
 *
 * @throws CommitOutcomeUnknownError when there is nobody to ask, or no answer.
 */
export async function isCommitted(
  guard: Guard,
  error: unknown,
  verifyCommitted: UnitOfWorkOptions["verifyCommitted"],
): Promise<boolean> {
  if (verifyCommitted === undefined) throw new CommitOutcomeUnknownError(error);
  const queryRunner = guard.dataSource.createQueryRunner("master");
  let answer: unknown;
  try {
    answer = await new UnitFlow(guard, queryRunner, queryRunner.manager).run(verifyCommitted);
  } catch (verificationError) {
    throw new CommitOutcomeUnknownError(error, verificationError);
  } finally {
    await queryRunner.release();
  }
  if (typeof answer === "boolean") return answer;
  throw new CommitOutcomeUnknownError(
    error,
    new GuardConfigurationError(`"verifyCommitted" must answer true or false, not ${String(answer)}.`),
  );
}
