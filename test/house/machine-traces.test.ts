import { repositoryFiles, textOf } from "./repository";

// An absolute path is one that does not go on from a word, as in https://example.com/home/.
const absolutePath = /(?<![\w.~)}])\/(?:work|tmp|root|home|Users)\/[^\s"'`]*/g;

function absolutePathsIn(text: string): string[] {
  return text.match(absolutePath) ?? [];
}

describe("the repository", () => {
  it("names no path of the machine it was written on", () => {
    const found = repositoryFiles().flatMap((file) =>
      absolutePathsIn(textOf(file)).map((path) => `${file}: ${path}`),
    );
    expect(found).toEqual([]);
  });

  it("would notice such a path", () => {
    const folder = "home";
    expect(absolutePathsIn(`cd "/${folder}/me/project" # see https://example.com/${folder}/x`)).toEqual([
      `/${folder}/me/project`,
    ]);
  });

  it("locks its dependencies by version and checksum, not to the host of a registry", () => {
    const { packages } = JSON.parse(textOf("package-lock.json")) as {
      packages: Record<string, { resolved?: string; integrity?: string }>;
    };
    const names = Object.keys(packages).filter((name) => name !== "");
    expect(names).not.toEqual([]);
    expect(names.filter((name) => packages[name]?.resolved !== undefined)).toEqual([]);
    expect(names.filter((name) => packages[name]?.integrity === undefined)).toEqual([]);
  });
});
