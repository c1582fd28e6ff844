import { declareBatch } from "./declare-batch";

declareBatch(8);
