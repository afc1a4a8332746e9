CREATE TABLE "doable"."import_pieces" (
	"user_id" text COLLATE "C" NOT NULL,
	"number" integer NOT NULL,
	"packed" "bytea" NOT NULL,
	"taken" uuid[] NOT NULL,
	"gone" uuid[] NOT NULL,
	"revision" bigint NOT NULL,
	"position" double precision NOT NULL,
	"is_accepted" boolean DEFAULT false NOT NULL,
	CONSTRAINT "import_pieces_user_id_number_pk" PRIMARY KEY("user_id","number")
);
--> statement-breakpoint
ALTER TABLE "doable"."import_pieces" ADD CONSTRAINT "import_pieces_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "doable"."users"("id") ON DELETE cascade ON UPDATE no action;