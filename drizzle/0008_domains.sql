-- Rules of single columns move from the tables, which read their CHECKs anew for every statement, to domains, which a
-- connection reads once. No row is read or written, however many there are: a domain without a rule is its base type,
-- and the rule comes NOT VALID, since the CHECKs have held for every row that there is.
CREATE DOMAIN "doable"."title" AS text;--> statement-breakpoint
CREATE DOMAIN "doable"."description" AS text;--> statement-breakpoint
CREATE DOMAIN "doable"."due_date" AS text COLLATE "C";--> statement-breakpoint
CREATE DOMAIN "doable"."tags" AS text[];--> statement-breakpoint
CREATE DOMAIN "doable"."position" AS double precision;--> statement-breakpoint
CREATE DOMAIN "doable"."revision" AS bigint;--> statement-breakpoint
CREATE DOMAIN "doable"."user_id" AS text COLLATE "C";--> statement-breakpoint
ALTER TABLE "doable"."tasks" DROP CONSTRAINT "tasks_title_length";--> statement-breakpoint
ALTER TABLE "doable"."tasks" DROP CONSTRAINT "tasks_description_length";--> statement-breakpoint
ALTER TABLE "doable"."tasks" DROP CONSTRAINT "tasks_due_date";--> statement-breakpoint
ALTER TABLE "doable"."tasks" DROP CONSTRAINT "tasks_tags";--> statement-breakpoint
ALTER TABLE "doable"."tasks" DROP CONSTRAINT "tasks_position_finite";--> statement-breakpoint
ALTER TABLE "doable"."tasks" DROP CONSTRAINT "tasks_revision_positive";--> statement-breakpoint
ALTER TABLE "doable"."users" DROP CONSTRAINT "users_id_length";--> statement-breakpoint
ALTER TABLE "doable"."tasks" ALTER COLUMN "title" SET DATA TYPE "doable"."title";--> statement-breakpoint
ALTER TABLE "doable"."tasks" ALTER COLUMN "description" SET DATA TYPE "doable"."description";--> statement-breakpoint
ALTER TABLE "doable"."tasks" ALTER COLUMN "due_date" SET DATA TYPE "doable"."due_date";--> statement-breakpoint
ALTER TABLE "doable"."tasks" ALTER COLUMN "tags" SET DATA TYPE "doable"."tags";--> statement-breakpoint
ALTER TABLE "doable"."tasks" ALTER COLUMN "position" SET DATA TYPE "doable"."position";--> statement-breakpoint
ALTER TABLE "doable"."tasks" ALTER COLUMN "revision" SET DATA TYPE "doable"."revision";--> statement-breakpoint
ALTER TABLE "doable"."users" ALTER COLUMN "id" SET DATA TYPE "doable"."user_id";--> statement-breakpoint
ALTER DOMAIN "doable"."title" ADD CONSTRAINT "title_length" CHECK (char_length(value) <= 200) NOT VALID;--> statement-breakpoint
ALTER DOMAIN "doable"."description" ADD CONSTRAINT "description_length" CHECK (char_length(value) <= 10000) NOT VALID;--> statement-breakpoint
ALTER DOMAIN "doable"."due_date" ADD CONSTRAINT "due_date_form" CHECK (value ~ '^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d\.\d{3}Z)?$') NOT VALID;--> statement-breakpoint
ALTER DOMAIN "doable"."tags" ADD CONSTRAINT "tags_few" CHECK (cardinality(value) <= 20 and array_position(value, null) is null) NOT VALID;--> statement-breakpoint
ALTER DOMAIN "doable"."position" ADD CONSTRAINT "position_finite" CHECK (value between '-1.7976931348623157e308' and '1.7976931348623157e308') NOT VALID;--> statement-breakpoint
ALTER DOMAIN "doable"."revision" ADD CONSTRAINT "revision_positive" CHECK (value > 0) NOT VALID;--> statement-breakpoint
ALTER DOMAIN "doable"."user_id" ADD CONSTRAINT "user_id_length" CHECK (char_length(value) between 1 and 255) NOT VALID;