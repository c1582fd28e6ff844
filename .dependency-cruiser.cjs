// The rooms of src by floor, lowest first. Imports go down only, and rooms on one floor do not know each other.
// Adapters for frameworks stand on top and outside: they see what every user sees.
const adapters = ["adapters"];
const floors = [
  ["errors", "events"],
  ["metadata"],
  ["tracking"],
  ["guarding", "locks"],
  ["conflicts"],
  ["units"],
  ["sharing"],
  adapters,
];

const inRooms = (rooms) => `^src/(${rooms.join("|")})/`;
const index = "^src/(index|locks)\\.ts$";

const upward = floors.slice(0, -1).map((rooms, floor) => ({
  name: "imports-go-down-only",
  comment: "A room imports from the floors below its own.",
  severity: "error",
  from: { path: inRooms(rooms) },
  to: { path: inRooms(floors.slice(floor + 1).flat()) },
}));

const sideways = floors
  .filter((rooms) => rooms.length > 1)
  .flatMap((rooms) =>
    rooms.map((room) => ({
      name: "neighbours-do-not-know-each-other",
      comment: "What two rooms on one floor both need belongs on a floor below.",
      severity: "error",
      from: { path: inRooms([room]) },
      to: { path: inRooms(rooms.filter((other) => other !== room)) },
    })),
  );

const roomless = { path: "^src/", pathNot: [index, inRooms(floors.flat())] };

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    ...upward,
    ...sideways,
    ...[
      { from: roomless, to: {} },
      { from: {}, to: roomless },
    ].map((edge) => ({
      name: "every-file-has-a-room",
      comment: "A file of src is an index or stands in a room whose floor is named in this configuration.",
      severity: "error",
      ...edge,
    })),
    {
      name: "no-cycles",
      comment: "Imports of types count too.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "rooms-do-not-import-the-index",
      comment: "The indexes name what users see; rooms import the files they need.",
      severity: "error",
      from: { path: "^src/", pathNot: inRooms(adapters) },
      to: { path: index },
    },
    {
      name: "adapters-see-what-users-see",
      comment: "An adapter imports an index and nothing else of the package.",
      severity: "error",
      from: { path: inRooms(adapters) },
      to: { path: inRooms(floors.slice(0, -1).flat()) },
    },
    {
      name: "only-peers-from-outside",
      comment: "The package needs TypeORM, reflect-metadata and Node: no other package, no test, no script.",
      severity: "error",
      from: { path: "^src/", pathNot: inRooms(adapters) },
      to: {
        pathNot: ["^src/", "(^|/)node_modules/(typeorm|reflect-metadata)/"],
        dependencyTypesNot: ["core"],
      },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["require", "types", "default"] },
  },
};
