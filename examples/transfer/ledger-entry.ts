import { Column, Entity, PrimaryColumn } from "typeorm";

@Entity()
export class LedgerEntry {
  /** Made before the transfer is begun, by whoever asks for it. */
  @PrimaryColumn({ length: 40 })
  key: string;

  @Column({ length: 40 })
  payer: string;

  @Column({ length: 40 })
  payee: string;

  @Column("int")
  cents: number;
}
