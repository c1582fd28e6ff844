import {
  BaseEntity,
  Column,
  DeleteDateColumn,
  Entity,
  EntitySchema,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  type Relation,
} from "typeorm";
import { RowVersion } from "typeorm-concurrency";

@Entity()
export class Article extends BaseEntity {
  @PrimaryColumn("int") id: number;
  @Column() title: string;
  @Column("int", { default: 0 }) views: number;
  @DeleteDateColumn() deletedAt: Date | null;
  @RowVersion() version: number;
  @OneToMany(() => Section, (section) => section.article, {
    cascade: ["insert", "update", "remove", "soft-remove", "recover"],
  })
  sections: Relation<Section[]>;
}

@Entity()
export class Section extends BaseEntity {
  @PrimaryColumn("int") id: number;
  @Column() text: string;
  @DeleteDateColumn() deletedAt: Date | null;
  @RowVersion() version: number;
  @ManyToOne(() => Article, (article) => article.sections, {
    cascade: ["insert", "update"],
    onDelete: "CASCADE",
  })
  article: Relation<Article>;
}

/** The same two tables, declared without classes. */
export const ArticleSchema = new EntitySchema<ArticleRow>({
  name: "ArticleSchema",
  tableName: "article",
  columns: {
    id: { type: "int", primary: true },
    title: { type: String },
    views: { type: "int", default: 0 },
    deletedAt: { type: Date, deleteDate: true, nullable: true },
    version: { type: Number, version: true },
  },
  relations: {
    sections: { type: "one-to-many", target: "SectionSchema", inverseSide: "article", cascade: true },
  },
});

export const SectionSchema = new EntitySchema<SectionRow>({
  name: "SectionSchema",
  tableName: "section",
  columns: {
    id: { type: "int", primary: true },
    text: { type: String },
    deletedAt: { type: Date, deleteDate: true, nullable: true },
    version: { type: Number, version: true },
  },
  relations: {
    article: {
      type: "many-to-one",
      target: "ArticleSchema",
      inverseSide: "sections",
      cascade: ["insert", "update"],
      onDelete: "CASCADE",
    },
  },
});

export interface ArticleRow {
  id: number;
  title: string;
  views: number;
  deletedAt: Date | null;
  version: number;
  sections: SectionRow[];
}

export interface SectionRow {
  id: number;
  text: string;
  deletedAt: Date | null;
  version: number;
  article: ArticleRow;
}
