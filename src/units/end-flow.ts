import { Flow } from "../guarding/flow";

/** The commit or rollback of a unit of work, in which subscribers may use its connection still. */
export class EndFlow extends Flow {}
