CREATE TABLE "doable"."settings" (
	"name" text PRIMARY KEY NOT NULL,
	"value" text NOT NULL
);
--> statement-breakpoint
ALTER TABLE "doable"."users" ADD COLUMN "history_start" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "doable"."users" ADD COLUMN "bytes" bigint;--> statement-breakpoint
CREATE INDEX "account_sessions_expires" ON "doable"."account_sessions" USING btree ("expires_at");