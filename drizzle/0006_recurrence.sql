CREATE TYPE "doable"."repeat_from" AS ENUM('due', 'completion');--> statement-breakpoint
ALTER TABLE "doable"."tasks" ADD COLUMN "recurrence" text COLLATE "C";--> statement-breakpoint
ALTER TABLE "doable"."tasks" ADD COLUMN "repeat_from" "doable"."repeat_from" DEFAULT 'due' NOT NULL;--> statement-breakpoint
ALTER TABLE "doable"."tasks" ADD COLUMN "time_zone" text COLLATE "C" DEFAULT 'UTC' NOT NULL;--> statement-breakpoint
ALTER TABLE "doable"."tasks" ADD COLUMN "remind_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "doable"."tasks" ADD COLUMN "series_id" uuid;--> statement-breakpoint
ALTER TABLE "doable"."tasks" ADD COLUMN "next_task_id" uuid;--> statement-breakpoint
ALTER TABLE "doable"."tasks" ADD COLUMN "reminded_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "doable"."tasks" ADD COLUMN "reminded_revision" bigint;