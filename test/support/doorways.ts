import {
  Repository,
  type DataSource,
  type EntityManager,
  type EntityTarget,
  type SaveOptions,
} from "typeorm";
import { Article, ArticleSchema, type ArticleRow } from "./article";

/** What a test does to articles, whichever way it goes through TypeORM. */
export interface Articles {
  find(id: number, relations?: boolean): Promise<ArticleRow>;
  save<T>(entity: T, options?: SaveOptions): Promise<T>;
  remove<T>(entity: T): Promise<T>;
  softRemove<T>(entity: T): Promise<T>;
  recover<T>(entity: T): Promise<T>;
  update(id: number, values: object): Promise<unknown>;
  increment(id: number): Promise<unknown>;
  softDelete(id: number): Promise<unknown>;
  restore(id: number): Promise<unknown>;
  upsert(values: object): Promise<unknown>;
  updateByBuilder(id: number, values: object): Promise<unknown>;
}

/** One way in which applications reach TypeORM; `work` runs in what it needs around it. */
export interface Doorway {
  readonly name: string;
  readonly enter: <R>(dataSource: DataSource, work: (articles: Articles) => Promise<R>) => Promise<R>;
}

class ArticleRepository extends Repository<ArticleRow> {
  constructor(dataSource: DataSource) {
    super(Article, dataSource.createEntityManager());
  }
}

export const doorways: readonly Doorway[] = [
  {
    name: "the DataSource's manager",
    enter: (dataSource, work) => work(throughManager(dataSource.manager, Article)),
  },
  {
    name: "a repository",
    enter: (dataSource, work) => work(throughRepository(dataSource.getRepository<ArticleRow>(Article))),
  },
  {
    name: "an extended repository",
    enter: (dataSource, work) =>
      work(throughRepository(dataSource.getRepository<ArticleRow>(Article).extend({ own: () => undefined }))),
  },
  {
    name: "a repository class",
    enter: (dataSource, work) => work(throughRepository(new ArticleRepository(dataSource))),
  },
  {
    name: "Active Record",
    enter: (dataSource, work) => {
      Article.useDataSource(dataSource);
      return work(throughActiveRecord());
    },
  },
  {
    name: "a transaction's manager",
    enter: (dataSource, work) => dataSource.transaction((manager) => work(throughManager(manager, Article))),
  },
  {
    name: "a transaction's repository",
    enter: (dataSource, work) =>
      dataSource.transaction((manager) =>
        work(
          throughRepository(manager.withRepository(dataSource.getRepository<ArticleRow>(Article).extend({}))),
        ),
      ),
  },
  {
    name: "an EntitySchema",
    enter: (dataSource, work) => work(throughRepository(dataSource.getRepository(ArticleSchema))),
  },
];

function throughManager(manager: EntityManager, target: EntityTarget<ArticleRow>): Articles {
  return {
    find: (id, sections = false) =>
      manager.findOneOrFail(target, { where: { id }, relations: { sections }, withDeleted: true }),
    save: (entity, options) => manager.save(target, entity as ArticleRow, options) as Promise<never>,
    remove: (entity) => manager.remove(target, entity as ArticleRow) as Promise<never>,
    softRemove: (entity) => manager.softRemove(target, entity as ArticleRow) as Promise<never>,
    recover: (entity) => manager.recover(target, entity as ArticleRow) as Promise<never>,
    update: (id, values) => manager.update(target, { id }, values),
    increment: (id) => manager.increment(target, { id }, "views", 1),
    softDelete: (id) => manager.softDelete(target, { id }),
    restore: (id) => manager.restore(target, { id }),
    upsert: (values) => manager.upsert(target, values as ArticleRow, ["id"]),
    updateByBuilder: (id, values) =>
      manager.createQueryBuilder().update(target).set(values).where("id = :id", { id }).execute(),
  };
}

function throughRepository(repository: Repository<ArticleRow>): Articles {
  return {
    find: (id, sections = false) =>
      repository.findOneOrFail({ where: { id }, relations: { sections }, withDeleted: true }),
    save: (entity, options) => repository.save(entity as ArticleRow, options) as Promise<never>,
    remove: (entity) => repository.remove(entity as ArticleRow) as Promise<never>,
    softRemove: (entity) => repository.softRemove(entity as ArticleRow) as Promise<never>,
    recover: (entity) => repository.recover(entity as ArticleRow) as Promise<never>,
    update: (id, values) => repository.update(id, values),
    increment: (id) => repository.increment({ id }, "views", 1),
    softDelete: (id) => repository.softDelete(id),
    restore: (id) => repository.restore(id),
    upsert: (values) => repository.upsert(values as ArticleRow, { conflictPaths: { id: true } }),
    updateByBuilder: (id, values) =>
      repository.createQueryBuilder().update().set(values).whereInIds(id).execute(),
  };
}

function throughActiveRecord(): Articles {
  const one = <R>(entity: unknown, method: (article: Article) => Promise<unknown>): Promise<R> =>
    (Array.isArray(entity) ? undefined : method(entity as Article)) as Promise<R>;
  return {
    find: (id, sections = false) =>
      Article.findOneOrFail({
        where: { id },
        relations: { sections },
        withDeleted: true,
      }) as Promise<ArticleRow>,
    save: (entity, options) =>
      entity instanceof Article
        ? (entity.save(options) as Promise<never>)
        : (Article.save(entity as never, options) as Promise<never>),
    remove: (entity) =>
      one(entity, (article) => article.remove()) ?? (Article.remove(entity as never) as Promise<never>),
    softRemove: (entity) => one(entity, (article) => article.softRemove()),
    recover: (entity) => one(entity, (article) => article.recover()),
    update: (id, values) => Article.update(id, values),
    increment: (id) => Article.getRepository().increment({ id }, "views", 1),
    softDelete: (id) => Article.getRepository().softDelete(id),
    restore: (id) => Article.getRepository().restore(id),
    upsert: (values) => Article.upsert(values as never, ["id"]),
    updateByBuilder: (id, values) =>
      Article.createQueryBuilder().update().set(values).where({ id }).execute(),
  };
}
