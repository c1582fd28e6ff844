import type { DataSourceOptions } from "typeorm";

/** How a unit of work of the soak is run. */
export interface UnitSettings {
  readonly retries: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

/** What one process is to do. */
export interface Assignment {
  readonly database: DataSourceOptions;
  readonly rows: number;
  readonly units: number;
  readonly workers: number;
  /** Whether every other unit is given `verifyCommitted`. */
  readonly isVerifying: boolean;
  readonly hangAfterMs: number;
  readonly unit: UnitSettings;
}

/** `hung`: no answer in time; what comes later is not waited for. */
export type UnitOutcome = "acknowledged" | "refused" | "unknown" | "hung";

/** What a worker was told of one unit. */
export interface UnitReport {
  readonly key: string;
  readonly row: number;
  readonly outcome: UnitOutcome;
  /** Of a refusal: the error's code, and its cause's. */
  readonly code?: string;
  readonly attempts: number;
  readonly tookMs: number;
  /** What `verifyCommitted` has answered, if it was asked. */
  readonly verified?: boolean;
}

export type WorkerMessage =
  | { readonly kind: "connected" }
  | { readonly kind: "reports"; readonly reports: readonly UnitReport[] }
  | { readonly kind: "finished" }
  | { readonly kind: "failed"; readonly error: string };
