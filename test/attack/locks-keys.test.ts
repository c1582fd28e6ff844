import { Column, Entity, EntitySchema, PrimaryColumn, PrimaryGeneratedColumn } from "typeorm";
import { createLockRegistry, memoryLocks } from "typeorm-concurrency/locks";

@Entity("lock_given_uuid")
class GivenUuid {
  @PrimaryColumn("uuid") id: string;
  @Column() text: string;
}

@Entity("lock_generated_uuid")
class GeneratedUuid {
  @PrimaryGeneratedColumn("uuid") id: string;
}

@Entity("lock_composite_uuid")
class CompositeUuid {
  @PrimaryColumn() name: string;
  @PrimaryColumn("uuid") id: string;
}

const SchemaUuid = new EntitySchema<{ id: string }>({
  name: "SchemaUuid",
  columns: { id: { type: "uuid", primary: true } },
});

describe("a registry without a DataSource", () => {
  it.each([GivenUuid, GeneratedUuid, CompositeUuid, SchemaUuid])(
    "knows a UUID however it is written",
    async (target) => {
      const registry = createLockRegistry({ backend: memoryLocks() });
      const id = "0a1b2c3d-0000-4000-8000-00000000000f";
      const upper = { name: "Ann", id: id.toUpperCase() };
      const lower = { name: "Ann", id };
      await registry.acquire([{ target, id: upper }], { operation: "import" });
      const second = registry.acquire([{ target, id: lower }], { operation: "report" });
      await expect(second).rejects.toMatchObject({ code: "ENTITY_LOCKED" });
    },
  );

  it("keeps other keys apart that differ in case", async () => {
    const registry = createLockRegistry({ backend: memoryLocks() });
    const id = "0a1b2c3d-0000-4000-8000-00000000000f";
    await registry.acquire([{ target: CompositeUuid, id: { name: "Ann", id } }], { operation: "import" });
    await registry.acquire([{ target: CompositeUuid, id: { name: "ANN", id } }], { operation: "report" });
  });
});
