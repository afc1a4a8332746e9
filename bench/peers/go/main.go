// The peer in plain Go: net/http, chi, a pgx pool and golang-jwt, one file as such services start out.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

type Task struct {
	ID          uuid.UUID  `json:"id"`
	UserID      string     `json:"user_id"`
	Title       string     `json:"title"`
	Description *string    `json:"description"`
	Completed   bool       `json:"completed"`
	CompletedAt *time.Time `json:"completed_at"`
	Priority    string     `json:"priority"`
	DueDate     *string    `json:"due_date"`
	Tags        []string   `json:"tags"`
	Position    float64    `json:"position"`
	ListID      *uuid.UUID `json:"list_id"`
	ParentID    *uuid.UUID `json:"parent_id"`
	Recurrence  *string    `json:"recurrence"`
	RepeatFrom  string     `json:"repeat_from"`
	TimeZone    string     `json:"time_zone"`
	RemindAt    *time.Time `json:"remind_at"`
	SeriesID    *uuid.UUID `json:"series_id"`
	NextTaskID  *uuid.UUID `json:"next_task_id"`
	RemindedAt  *time.Time `json:"reminded_at"`
	Revision    int64      `json:"revision"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	DeletedAt   *time.Time `json:"deleted_at"`
}

// fields of a request; a nil one was not sent.
type fields struct {
	Title       *string  `json:"title"`
	Description *string  `json:"description"`
	Completed   *bool    `json:"completed"`
	Priority    *string  `json:"priority"`
	DueDate     *string  `json:"due_date"`
	Tags        []string `json:"tags"`
}

const columns = `t.id, t.user_id, t.title, t.description, t.completed, t.completed_at, t.priority::text,
	t.due_date, t.tags, t.position, t.list_id, t.parent_id, t.recurrence, t.repeat_from::text, t.time_zone,
	t.remind_at, t.series_id, t.next_task_id, t.reminded_at, t.revision, t.created_at, t.updated_at, t.deleted_at`

const (
	selectTask = `select ` + columns + ` from doable.tasks t where t.user_id = $1 and t.id = $2 and t.deleted_at is null`
	listTasks  = `select ` + columns + ` from doable.tasks t where t.user_id = $1 and t.deleted_at is null
		order by t.created_at desc, t.id desc limit $2`
	listChanges = `select ` + columns + ` from doable.tasks t where t.user_id = $1 and t.revision > $2 order by t.revision limit $3`
	revisionOf  = `select revision from doable.users where id = $1`
	createTask  = `with raised as (
			insert into doable.users (id, revision, position) values ($2, 1, 1)
			on conflict (id) do update set revision = users.revision + 1, position = users.position + 1
			returning revision, position)
		insert into doable.tasks as t (id, user_id, title, description, completed, completed_at, priority, due_date, tags, position, revision)
		select $1, $2, $3, $4, $5::boolean, case when $5::boolean then now() end, $6::doable.task_priority, $7, $8, position, revision from raised
		returning ` + columns
	raised     = `with raised as (update doable.users set revision = revision + 1 where id = $1 returning revision) `
	updateTask = raised + `update doable.tasks t set title = coalesce($3, title), description = coalesce($4, description),
			completed = coalesce($5, completed),
			completed_at = case when coalesce($5, completed) then coalesce(completed_at, now()) end,
			priority = coalesce($6::text::doable.task_priority, priority), due_date = coalesce($7, due_date),
			tags = coalesce($8, tags), revision = raised.revision, updated_at = now()
		from raised where t.user_id = $1 and t.id = $2 and t.deleted_at is null returning ` + columns
	completeTask = raised + `update doable.tasks t set completed = not completed,
			completed_at = case when completed then null else now() end, revision = raised.revision, updated_at = now()
		from raised where t.user_id = $1 and t.id = $2 and t.deleted_at is null returning ` + columns
)

var (
	pool   *pgxpool.Pool
	secret = []byte(os.Getenv("JWT_SECRET"))
)

func main() {
	var err error
	if pool, err = pgxpool.New(context.Background(), os.Getenv("DATABASE_URL")); err != nil {
		log.Fatal(err)
	}
	r := chi.NewRouter()
	r.Route("/api/{user_id}", func(r chi.Router) {
		r.Use(authenticate)
		r.Get("/tasks", list)
		r.Post("/tasks", create)
		r.Get("/tasks/{id}", get)
		r.Put("/tasks/{id}", update)
		r.Patch("/tasks/{id}/complete", complete)
		r.Get("/changes", changes)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), r))
}

func authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		var claims jwt.RegisteredClaims
		_, err := jwt.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return secret, nil },
			jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
		switch {
		case !ok || err != nil:
			fail(w, http.StatusUnauthorized)
		case claims.Subject != chi.URLParam(r, "user_id"):
			fail(w, http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func list(w http.ResponseWriter, r *http.Request) {
	user := chi.URLParam(r, "user_id")
	limit, ok := whole(r, "limit", 1000)
	if !ok || limit < 1 || limit > 1000 {
		fail(w, http.StatusUnprocessableEntity)
		return
	}
	var revision int64
	if err := pool.QueryRow(r.Context(), revisionOf, user).Scan(&revision); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		failBy(w, err)
		return
	}
	etag := fmt.Sprintf(`"%d"`, revision)
	w.Header().Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	tasks, err := query(r.Context(), listTasks, user, limit)
	send(w, http.StatusOK, tasks, err)
}

func changes(w http.ResponseWriter, r *http.Request) {
	since, ok1 := whole(r, "since", 0)
	limit, ok2 := whole(r, "limit", 1000)
	if !ok1 || !ok2 || since < 0 || limit < 1 || limit > 1000 {
		fail(w, http.StatusUnprocessableEntity)
		return
	}
	tasks, err := query(r.Context(), listChanges, chi.URLParam(r, "user_id"), since, limit+1)
	more := int64(len(tasks)) > limit
	next := since
	if more {
		tasks = tasks[:limit]
	}
	if len(tasks) > 0 {
		next = tasks[len(tasks)-1].Revision
	}
	send(w, http.StatusOK, map[string]any{"changes": tasks, "next": next, "more": more}, err)
}

func get(w http.ResponseWriter, r *http.Request) {
	if id, ok := taskID(w, r); ok {
		task, err := one(r.Context(), selectTask, chi.URLParam(r, "user_id"), id)
		send(w, http.StatusOK, task, err)
	}
}

func create(w http.ResponseWriter, r *http.Request) {
	f, ok := body(w, r)
	if !ok {
		return
	}
	if f.Title == nil {
		fail(w, http.StatusUnprocessableEntity)
		return
	}
	completed, priority := f.Completed != nil && *f.Completed, "medium"
	if f.Priority != nil {
		priority = *f.Priority
	}
	if f.Tags == nil {
		f.Tags = []string{}
	}
	id, err := uuid.NewV7()
	if err != nil {
		failBy(w, err)
		return
	}
	task, err := one(r.Context(), createTask, id, chi.URLParam(r, "user_id"), f.Title, f.Description, completed, priority, f.DueDate, f.Tags)
	send(w, http.StatusCreated, task, err)
}

func update(w http.ResponseWriter, r *http.Request) {
	id, ok := taskID(w, r)
	if !ok {
		return
	}
	if f, ok := body(w, r); ok {
		task, err := one(r.Context(), updateTask, chi.URLParam(r, "user_id"), id, f.Title, f.Description, f.Completed, f.Priority, f.DueDate, f.Tags)
		send(w, http.StatusOK, task, err)
	}
}

func complete(w http.ResponseWriter, r *http.Request) {
	if id, ok := taskID(w, r); ok {
		task, err := one(r.Context(), completeTask, chi.URLParam(r, "user_id"), id)
		send(w, http.StatusOK, task, err)
	}
}

func query(ctx context.Context, sql string, args ...any) ([]Task, error) {
	rows, err := pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Task])
}

func one(ctx context.Context, sql string, args ...any) (Task, error) {
	rows, err := pool.Query(ctx, sql, args...)
	if err != nil {
		return Task{}, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Task])
}

func body(w http.ResponseWriter, r *http.Request) (f fields, ok bool) {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&f) != nil {
		fail(w, http.StatusBadRequest)
		return f, false
	}
	tooLong := f.Description != nil && utf8.RuneCountInString(*f.Description) > 10_000
	if f.Title != nil {
		*f.Title = strings.TrimSpace(*f.Title)
		tooLong = tooLong || *f.Title == "" || utf8.RuneCountInString(*f.Title) > 200
	}
	if tooLong || len(f.Tags) > 20 || f.Priority != nil && *f.Priority != "low" && *f.Priority != "medium" && *f.Priority != "high" {
		fail(w, http.StatusUnprocessableEntity)
		return f, false
	}
	return f, true
}

func taskID(w http.ResponseWriter, r *http.Request) (uuid.UUID, bool) {
	id, err := uuid.Parse(chi.URLParam(r, "id"))
	if err != nil {
		fail(w, http.StatusUnprocessableEntity)
	}
	return id, err == nil
}

func whole(r *http.Request, name string, fallback int64) (int64, bool) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return fallback, true
	}
	value, err := strconv.ParseInt(text, 10, 64)
	return value, err == nil
}

func send(w http.ResponseWriter, status int, value any, err error) {
	if err != nil {
		failBy(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(value)
}

func failBy(w http.ResponseWriter, err error) {
	if errors.Is(err, pgx.ErrNoRows) {
		fail(w, http.StatusNotFound)
		return
	}
	if !errors.Is(err, context.Canceled) {
		log.Print(err)
	}
	fail(w, http.StatusInternalServerError)
}

func fail(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"detail": http.StatusText(status)})
}
