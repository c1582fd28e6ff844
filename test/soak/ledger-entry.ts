import { Column, Entity, Index, PrimaryGeneratedColumn } from "typeorm";

/**
 * One increment, written together with it. The key is made before the unit and is not unique, so that a unit which was
 * committed twice is here twice.
 */
@Entity({ name: "soak_ledger_entry" })
export class LedgerEntry {
  @PrimaryGeneratedColumn() id: number;
  @Index() @Column({ length: 36 }) key: string;
  @Column("int") counterId: number;
}
