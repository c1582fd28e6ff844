import { declareBatch } from "./declare-batch";

declareBatch(1);
