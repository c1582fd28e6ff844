import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createContext, runInContext } from "node:vm";
import { ModuleKind, transpileModule } from "typescript";
import * as propertyReaders from "../../src/metadata/property-reader";

type Module = typeof propertyReaders;

const names = ["id", undefined, `a"b'c\\d`, "line\nbreak", "\u2028", "__proto__", "];throw 1;["];

/** The module as it is where no code may be made from text. */
function withoutCodeGeneration(): Module {
  const source = readFileSync(join(__dirname, "../../src/metadata/property-reader.ts"), "utf8");
  const { outputText } = transpileModule(source, { compilerOptions: { module: ModuleKind.CommonJS } });
  const context = createContext({ exports: {} }, { codeGeneration: { strings: false, wasm: false } });
  runInContext(outputText, context);
  expect(() => runInContext(`new Function("")`, context) as unknown).toThrow(/Code generation from strings/);
  return context["exports"] as Module;
}

describe("a reader of properties", () => {
  const ways: Record<string, () => Module> = {
    "by code made for them": () => propertyReaders,
    "where no code may be made": withoutCodeGeneration,
  };
  it.each(Object.entries(ways))("reads them in order, whatever their names are, %s", (_, load) => {
    const prototype = { inherited: true };
    const object: unknown = Object.assign(Object.create(prototype), {
      id: 7,
      [`a"b'c\\d`]: "quoted",
      "line\nbreak": null,
      "\u2028": "separator",
      "];throw 1;[": undefined,
    });
    const values = load().propertyReader(names)(object as object);
    expect([...values]).toEqual([7, undefined, "quoted", null, "separator", prototype, undefined]);
  });

  it("makes a new array each time", () => {
    const read = propertyReaders.propertyReader(["id"]);
    const object = { id: 1 };
    expect(read(object)).not.toBe(read(object));
  });
});
