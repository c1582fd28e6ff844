import type { DataSource, DataSourceOptions } from "typeorm";
import { createScratchDatabase } from "../../test/support/scratch-database";
import { Account } from "./account";
import { audit, openBank } from "./bank";
import { logRetries } from "./log-retries";
import { loseNextAnswer } from "./lose-answer";
import { pay } from "./pay";

const owners = ["ann", "bob", "cleo"] as const;

export async function main(database: DataSourceOptions): Promise<string[]> {
  const [bank, otherServer] = [await openBank(database), await openBank(database)];
  await bank.synchronize(true);
  await bank.manager.insert(
    Account,
    owners.map((owner) => ({ owner, cents: 1000 })),
  );
  const lines = [
    `at first: ${await audit(bank)}`,
    `15 payments in a circle: ${await payInACircle(bank)}`,
    await audit(bank),
    `15 payments of 100 by ann: ${await spendMoreThanThereIs(bank)}`,
    await audit(bank),
    `one that is always too late: ${await loseEveryRace(bank, otherServer)}`,
    `one whose COMMIT gets no answer: ${await loseTheAnswer(bank)}`,
    `the same once more: ${await askTwice(bank)}`,
    await audit(bank),
  ];
  await otherServer.destroy();
  await bank.destroy();
  return lines;
}

/** Everybody pays to the next one, five times, all at once. */
async function payInACircle(bank: DataSource): Promise<string> {
  const circle = [
    ["ann", "bob"],
    ["bob", "cleo"],
    ["cleo", "ann"],
  ] as const;
  const payments = Array.from({ length: 5 }, (_, round) =>
    circle.map(([payer, payee]) =>
      pay(bank, { key: `circle ${round} of ${payer}`, payer, payee, cents: 100 }),
    ),
  );
  return tally(await Promise.all(payments.flat()));
}

/** The money is there for ten of them, whichever come first. */
async function spendMoreThanThereIs(bank: DataSource): Promise<string> {
  const payments = Array.from({ length: 15 }, (_, index) =>
    pay(bank, { key: `spree ${index}`, payer: "ann", payee: "bob", cents: 100 }),
  );
  return tally(await Promise.all(payments));
}

/** Between reading the account and writing it, another server writes it, each time. */
async function loseEveryRace(bank: DataSource, otherServer: DataSource): Promise<string> {
  const lines: string[] = [];
  const stopLogging = logRetries((line) => lines.push(line));
  const answer = await pay(
    bank,
    { key: "too late", payer: "bob", payee: "cleo", cents: 100 },
    {
      retries: 2,
      checkForFraud: async (owner) => {
        await otherServer.manager.increment(Account, { owner }, "checks", 1);
      },
    },
  );
  stopLogging();
  return `${answer} (${lines.join("; ")})`;
}

const unanswered = { key: "unanswered", payer: "bob", payee: "cleo", cents: 100 };

async function loseTheAnswer(bank: DataSource): Promise<string> {
  const isLost = loseNextAnswer(bank);
  const answer = await pay(bank, unanswered);
  return `${answer}, the answer was ${isLost() ? "lost" : "there"}`;
}

/** A customer who is not sure that the first one has arrived. */
function askTwice(bank: DataSource): Promise<string> {
  return pay(bank, unanswered);
}

function tally(answers: readonly string[]): string {
  return [...new Set(answers)]
    .sort()
    .map((answer) => `${answers.filter((each) => each === answer).length} times "${answer}"`)
    .join(", ");
}

async function run(): Promise<void> {
  const database = await createScratchDatabase("sqlite");
  try {
    console.log((await main(database.options)).join("\n"));
  } finally {
    await database.drop();
  }
}

if (require.main === module) void run();
