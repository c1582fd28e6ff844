import {
  Column,
  Entity,
  EventSubscriber,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type DataSource,
  type EntitySubscriberInterface,
  type Relation,
  type UpdateEvent,
  type RemoveEvent,
} from "typeorm";
import {
  RowVersion,
  VersionedRelation,
  removeExpecting,
  updateExpecting,
  versionOf,
} from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { killConnections, openFresh, withoutHanging } from "./support";

@Entity()
class Ord {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) note: string;
  @RowVersion() version: number;
  @VersionedRelation() @OneToMany(() => Itm, (i) => i.ord) items: Relation<Itm[]>;
}
@Entity()
class Itm {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @ManyToOne(() => Ord, (o) => o.items) ord: Relation<Ord> | null;
}
@Entity()
class Audit {
  @PrimaryGeneratedColumn() id: number;
  @Column() what: string;
  @RowVersion() version: number;
}
const hooks: {
  beforeUpdate?: (e: UpdateEvent<any>) => Promise<void>;
  afterUpdate?: (e: UpdateEvent<any>) => Promise<void>;
  afterRemove?: (e: RemoveEvent<any>) => Promise<void>;
} = {};
@EventSubscriber()
class Sub implements EntitySubscriberInterface {
  async beforeUpdate(e: UpdateEvent<any>) {
    const h = hooks.beforeUpdate;
    delete hooks.beforeUpdate;
    await h?.(e);
  }
  async afterUpdate(e: UpdateEvent<any>) {
    const h = hooks.afterUpdate;
    delete hooks.afterUpdate;
    await h?.(e);
  }
  async afterRemove(e: RemoveEvent<any>) {
    const h = hooks.afterRemove;
    delete hooks.afterRemove;
    await h?.(e);
  }
}

eachDatabase((scratch) => {
  let ds: DataSource;
  let id = 100;
  const entities = [Ord, Itm, Audit];
  beforeEach(async () => {
    ({ dataSource: ds } = await openFresh(scratch(), entities, { subscribers: [Sub] }));
  });
  afterEach(async () => {
    delete hooks.beforeUpdate;
    delete hooks.afterUpdate;
    delete hooks.afterRemove;
    await killConnections(ds, () => scratch().dataSource(entities));
  });
  const ord = async () => ds.manager.save(Object.assign(new Ord(), { id: ++id }));
  const audit = async (e: { manager: DataSource["manager"] }) =>
    void (await e.manager.save(Object.assign(new Audit(), { what: "w" })));

  it("update() with a subscriber that saves a guarded entity (holds)", async () => {
    const o = await ord();
    hooks.beforeUpdate = audit;
    await withoutHanging(ds.manager.update(Ord, o.id, { note: "n" }));
  });
  it("removeExpecting with a subscriber that saves a guarded entity", async () => {
    const o = await ord();
    hooks.afterRemove = audit;
    await withoutHanging(removeExpecting(ds.manager, Ord, o.id, versionOf(o)));
  });
  it("updateExpecting with a subscriber that saves a guarded entity", async () => {
    const o = await ord();
    hooks.beforeUpdate = audit;
    await withoutHanging(updateExpecting(ds.manager, Ord, o.id, versionOf(o), { note: "n" }));
  });
  it("updateExpecting in a transaction with a subscriber that saves a guarded entity", async () => {
    const o = await ord();
    hooks.afterUpdate = audit;
    const qr = ds.createQueryRunner();
    await qr.startTransaction();
    try {
      await withoutHanging(updateExpecting(qr.manager, Ord, o.id, versionOf(o), { note: "n" }));
    } finally {
      await qr.rollbackTransaction();
      await qr.release();
    }
  });
  it("the relation builder with a subscriber that saves a guarded entity", async () => {
    const o = await ord();
    const i = await ds.manager.save(Object.assign(new Itm(), { id: ++id, name: "x" }));
    hooks.afterUpdate = audit;
    await withoutHanging(ds.createQueryBuilder().relation(Ord, "items").of(o).add(i));
  });
});
