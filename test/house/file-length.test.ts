import { repositoryFiles, textOf } from "./repository";

const maxLines = 250;

describe("files of src", () => {
  const files = repositoryFiles("src").map((path) => ({
    path,
    lines: textOf(path).trimEnd().split("\n").length,
  }));

  it(`have at most ${maxLines} lines`, () => {
    expect(files).not.toEqual([]);
    expect(files.filter(({ lines }) => lines > maxLines)).toEqual([]);
  });
});
