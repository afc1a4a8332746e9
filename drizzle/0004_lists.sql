CREATE TABLE "doable"."lists" (
	"id" uuid NOT NULL,
	"user_id" text COLLATE "C" NOT NULL,
	"name" text NOT NULL,
	"position" double precision NOT NULL,
	"revision" bigint NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp (3) with time zone,
	"purged_at" timestamp (3) with time zone,
	CONSTRAINT "lists_user_id_id_pk" PRIMARY KEY("user_id","id")
);
--> statement-breakpoint
ALTER TABLE "doable"."tasks" ADD COLUMN "list_id" uuid;--> statement-breakpoint
ALTER TABLE "doable"."tasks" ADD COLUMN "parent_id" uuid;--> statement-breakpoint
ALTER TABLE "doable"."tasks" ADD COLUMN "trashed_with" uuid;--> statement-breakpoint
ALTER TABLE "doable"."tasks" ADD COLUMN "has_parts" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "doable"."users" ADD COLUMN "list_position" double precision DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "doable"."lists" ADD CONSTRAINT "lists_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "doable"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "lists_revision" ON "doable"."lists" USING btree ("user_id","revision");--> statement-breakpoint
CREATE INDEX "lists_list" ON "doable"."lists" USING btree ("user_id","position","id") WHERE "doable"."lists"."deleted_at" is null;--> statement-breakpoint
CREATE INDEX "lists_trash" ON "doable"."lists" USING btree ("user_id","deleted_at","id") WHERE "doable"."lists"."deleted_at" is not null and "doable"."lists"."purged_at" is null;--> statement-breakpoint
CREATE INDEX "lists_purge" ON "doable"."lists" USING btree ("deleted_at") WHERE "doable"."lists"."deleted_at" is not null and "doable"."lists"."purged_at" is null;