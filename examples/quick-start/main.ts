import { changePrice } from "./change-price";
import { dataSource } from "./data-source";
import { Product } from "./product";

export async function main(): Promise<string[]> {
  await dataSource.initialize();
  const { id, version } = await dataSource.manager.save(
    dataSource.manager.create(Product, { title: "Cucumber", price: 99 }),
  );
  const answers = [
    `ann: ${await changePrice(id, version, 89)}`,
    `bob: ${await changePrice(id, version, 79)}`,
  ];
  await dataSource.destroy();
  return answers;
}

if (require.main === module) void main().then((answers) => console.log(answers.join("\n")));
