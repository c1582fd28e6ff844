import {
  Column,
  Entity,
  JoinColumn,
  ManyToOne,
  OneToOne,
  PrimaryColumn,
  type DataSource,
  type Relation,
} from "typeorm";
import { guardDataSource, isOptimisticLockError, RowVersion } from "typeorm-concurrency";
import { eachDatabase, QueryLog } from "../support/databases";

@Entity()
class Team {
  @PrimaryColumn("int") id: number;
}

@Entity()
class Player {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @ManyToOne(() => Team, { nullable: true }) team: Relation<Team> | null;
  @OneToOne(() => Team, { nullable: true }) @JoinColumn() captained: Relation<Team> | null;
  @RowVersion() version: number;
}

eachDatabase((scratch) => {
  describe("a relation that was loaded and is empty", () => {
    let dataSource: DataSource;
    const log = new QueryLog();

    beforeAll(async () => {
      dataSource = guardDataSource(
        scratch().dataSource([Team, Player], { synchronize: true, logging: true, logger: log }),
      );
      await dataSource.initialize();
      await dataSource.manager.insert(Team, { id: 1 });
    });
    beforeEach(async () => {
      await dataSource.manager.clear(Player);
      await dataSource.manager.insert(Player, { id: 1, name: "a" });
    });

    const load = (): Promise<Player> =>
      dataSource.manager.findOneOrFail(Player, {
        where: { id: 1 },
        relations: { team: true, captained: true },
      });

    it("is no change of an unchanged entity, stale or not", async () => {
      const [player, stale] = [await load(), await load()];
      const statements = await log.during(() => dataSource.manager.save(player));
      expect(statements.filter((sql) => sql.startsWith("UPDATE"))).toEqual([]);
      await dataSource.manager.update(Player, { id: 1 }, { name: "theirs" });
      await dataSource.manager.save(stale);
      expect(await load()).toMatchObject({ name: "theirs", version: 2 });
    });

    it("is not in SET beside other changes", async () => {
      const player = await load();
      const statements = await log.during(() =>
        dataSource.manager.save(Object.assign(player, { name: "b" })),
      );
      const update = statements.find((sql) => sql.startsWith("UPDATE")) ?? "";
      expect(update).not.toMatch(/teamId|captainedId/);
      expect([player.version, (await load()).version]).toEqual([2, 2]);
    });

    it("can be filled and emptied again", async () => {
      const player = await load();
      for (const team of [{ id: 1 }, null, null, { id: 1 }]) {
        await dataSource.manager.save(Object.assign(player, { team, captained: team }));
        expect((await load()).team?.id).toBe(team?.id);
      }
    });

    it("is emptied though nobody has loaded it, and refused when stale", async () => {
      await dataSource.manager.update(Player, { id: 1 }, { team: { id: 1 } });
      const read = (): Promise<Player> => dataSource.manager.findOneByOrFail(Player, { id: 1 });
      const [player, stale] = [await read(), await read()];
      await dataSource.manager.save(Object.assign(player, { team: null }));
      expect((await load()).team).toBeNull();
      const error: unknown = await dataSource.manager
        .save(Object.assign(stale, { team: null }))
        .catch((refusal: unknown) => refusal);
      expect(isOptimisticLockError(error)).toBe(true);
    });
  });
});
