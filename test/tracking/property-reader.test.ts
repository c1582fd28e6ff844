import { propertyReader } from "../../src/metadata/property-reader";

const names = ["id", undefined, `a"b'c\\d`, "line\nbreak", "\u2028", "__proto__", "];throw 1;["];

describe("a reader of properties", () => {
  afterEach(() => jest.restoreAllMocks());

  const ways: Record<string, () => void> = {
    "by code made for them": () => undefined,
    "where no code must be made": () => {
      jest.spyOn(globalThis, "Function").mockImplementation(() => {
        throw new EvalError("Code generation from strings disallowed for this context");
      });
    },
  };
  it.each(Object.entries(ways))("reads them in order, whatever their names are, %s", (_, prepare) => {
    prepare();
    const prototype = { inherited: true };
    const object: unknown = Object.assign(Object.create(prototype), {
      id: 7,
      [`a"b'c\\d`]: "quoted",
      "line\nbreak": null,
      "\u2028": "separator",
      "];throw 1;[": undefined,
    });
    const read = propertyReader(names);
    expect(read(object as object)).toEqual([7, undefined, "quoted", null, "separator", prototype, undefined]);
  });

  it("makes a new array each time", () => {
    const read = propertyReader(["id"]);
    const object = { id: 1 };
    expect(read(object)).not.toBe(read(object));
  });
});
