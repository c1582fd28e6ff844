import { DataSource, type DataSourceOptions } from "typeorm";
import { guardDataSource } from "typeorm-concurrency";
import { BareReader } from "./bare-reader";
import { LatestReader } from "./latest-reader";
import { Post } from "./post";
import { readDuringDownload } from "./read-during-download";

const inMemory: DataSourceOptions = { type: "better-sqlite3", database: ":memory:" };

export async function main(database = inMemory): Promise<string[]> {
  const open = (): DataSource =>
    new DataSource({ ...database, entities: [Post], synchronize: true, dropSchema: true });

  const bare = await open().initialize();
  const answers = [`bare TypeORM: ${await readDuringDownload(bare, new BareReader(bare))}`];
  await bare.destroy();

  const refusing = await guardDataSource(open()).initialize();
  answers.push(`guarded: ${await readDuringDownload(refusing, new BareReader(refusing))}`);
  await refusing.destroy();

  const guarded = await guardDataSource(open()).initialize();
  answers.push(`guarded, modifyLatest: ${await readDuringDownload(guarded, new LatestReader(guarded))}`);
  await guarded.destroy();
  return answers;
}

if (require.main === module) void main().then((answers) => console.log(answers.join("\n")));
