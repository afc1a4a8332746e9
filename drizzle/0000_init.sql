CREATE SCHEMA IF NOT EXISTS "doable";
--> statement-breakpoint
CREATE TYPE "doable"."task_priority" AS ENUM('low', 'medium', 'high');--> statement-breakpoint
CREATE TABLE "doable"."idempotency_keys" (
	"user_id" text COLLATE "C" NOT NULL,
	"method" text NOT NULL,
	"route" text NOT NULL,
	"key" text COLLATE "C" NOT NULL,
	"fingerprint" text NOT NULL,
	"status" integer NOT NULL,
	"headers" jsonb NOT NULL,
	"body" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_keys_user_id_method_route_key_pk" PRIMARY KEY("user_id","method","route","key")
);
--> statement-breakpoint
CREATE TABLE "doable"."tasks" (
	"id" uuid NOT NULL,
	"user_id" text COLLATE "C" NOT NULL,
	"title" text NOT NULL,
	"description" text,
	"completed" boolean DEFAULT false NOT NULL,
	"completed_at" timestamp (3) with time zone,
	"priority" "doable"."task_priority" DEFAULT 'medium' NOT NULL,
	"due_date" text COLLATE "C",
	"tags" text[] DEFAULT '{}' NOT NULL,
	"position" double precision NOT NULL,
	"revision" bigint NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp (3) with time zone,
	"purged_at" timestamp (3) with time zone,
	CONSTRAINT "tasks_user_id_id_pk" PRIMARY KEY("user_id","id"),
	CONSTRAINT "tasks_title_length" CHECK ("doable"."tasks"."purged_at" is not null or char_length("doable"."tasks"."title") between 1 and 200),
	CONSTRAINT "tasks_description_length" CHECK (char_length("doable"."tasks"."description") <= 10000),
	CONSTRAINT "tasks_completed_at" CHECK ("doable"."tasks"."completed" = ("doable"."tasks"."completed_at" is not null)),
	CONSTRAINT "tasks_due_date" CHECK ("doable"."tasks"."due_date" ~ '^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d\.\d{3}Z)?$'),
	CONSTRAINT "tasks_tags" CHECK (cardinality("doable"."tasks"."tags") <= 20 and array_position("doable"."tasks"."tags", null) is null),
	CONSTRAINT "tasks_position_finite" CHECK ("doable"."tasks"."position" between '-1.7976931348623157e308' and '1.7976931348623157e308'),
	CONSTRAINT "tasks_revision_positive" CHECK ("doable"."tasks"."revision" > 0),
	CONSTRAINT "tasks_purged_after_deleted" CHECK ("doable"."tasks"."purged_at" is null or "doable"."tasks"."deleted_at" is not null)
);
--> statement-breakpoint
CREATE TABLE "doable"."users" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"revision" bigint DEFAULT 0 NOT NULL,
	"position" double precision DEFAULT 0 NOT NULL,
	CONSTRAINT "users_id_length" CHECK (char_length("doable"."users"."id") between 1 and 255)
);
--> statement-breakpoint
ALTER TABLE "doable"."idempotency_keys" ADD CONSTRAINT "idempotency_keys_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "doable"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "doable"."tasks" ADD CONSTRAINT "tasks_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "doable"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "idempotency_keys_created_at" ON "doable"."idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "tasks_revision" ON "doable"."tasks" USING btree ("user_id","revision");--> statement-breakpoint
CREATE INDEX "tasks_list" ON "doable"."tasks" USING btree ("user_id","created_at","id") WHERE "doable"."tasks"."deleted_at" is null;--> statement-breakpoint
CREATE INDEX "tasks_trash" ON "doable"."tasks" USING btree ("user_id","deleted_at","id") WHERE "doable"."tasks"."deleted_at" is not null and "doable"."tasks"."purged_at" is null;--> statement-breakpoint
CREATE INDEX "tasks_purge" ON "doable"."tasks" USING btree ("deleted_at") WHERE "doable"."tasks"."deleted_at" is not null and "doable"."tasks"."purged_at" is null;