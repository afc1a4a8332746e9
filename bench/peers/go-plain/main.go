// The plain service in Go: net/http, a pgx pool and golang-jwt over one table of seven columns. No counter, no sync.
package main

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

type Task struct {
	ID          uuid.UUID `json:"id"`
	UserID      string    `json:"user_id"`
	Title       string    `json:"title"`
	Description *string   `json:"description"`
	Completed   bool      `json:"completed"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// fields of a request; a nil one was not sent.
type fields struct {
	Title       *string `json:"title"`
	Description *string `json:"description"`
	Completed   *bool   `json:"completed"`
}

const columns = `id, user_id, title, description, completed, created_at, updated_at`

const (
	selectTask = `select ` + columns + ` from plain.tasks where id = $1 and user_id = $2`
	listTasks  = `select ` + columns + ` from plain.tasks where user_id = $1 order by created_at desc limit $2`
	createTask = `insert into plain.tasks (id, user_id, title, description, completed)
		values ($1, $2, $3, $4, $5) returning ` + columns
	updateTask = `update plain.tasks set title = coalesce($3, title), description = coalesce($4, description),
		completed = coalesce($5, completed), updated_at = now() where id = $1 and user_id = $2 returning ` + columns
	completeTask = `update plain.tasks set completed = not completed, updated_at = now()
		where id = $1 and user_id = $2 returning ` + columns
	deleteTask = `delete from plain.tasks where id = $1 and user_id = $2`
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
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/{user_id}/tasks", authenticated(list))
	mux.HandleFunc("POST /api/{user_id}/tasks", authenticated(create))
	mux.HandleFunc("GET /api/{user_id}/tasks/{id}", authenticated(get))
	mux.HandleFunc("PUT /api/{user_id}/tasks/{id}", authenticated(update))
	mux.HandleFunc("PATCH /api/{user_id}/tasks/{id}/complete", authenticated(complete))
	mux.HandleFunc("DELETE /api/{user_id}/tasks/{id}", authenticated(remove))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), mux))
}

func authenticated(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		var claims jwt.RegisteredClaims
		_, err := jwt.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return secret, nil },
			jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
		switch {
		case !ok || err != nil:
			fail(w, http.StatusUnauthorized)
		case claims.Subject != r.PathValue("user_id"):
			fail(w, http.StatusForbidden)
		default:
			next(w, r)
		}
	}
}

// list makes its ETag from the body that it would send, as a service without a counter does: a 304 saves bytes and no work.
func list(w http.ResponseWriter, r *http.Request) {
	limit := 50
	if text := r.URL.Query().Get("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > 1000 {
			fail(w, http.StatusUnprocessableEntity)
			return
		}
	}
	rows, err := pool.Query(r.Context(), listTasks, r.PathValue("user_id"), limit)
	if err != nil {
		failBy(w, err)
		return
	}
	tasks, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Task])
	if err != nil {
		failBy(w, err)
		return
	}
	body, err := json.Marshal(tasks)
	if err != nil {
		failBy(w, err)
		return
	}
	sum := sha1.Sum(body)
	etag := `W/"` + hex.EncodeToString(sum[:]) + `"`
	w.Header().Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(body)
}

func get(w http.ResponseWriter, r *http.Request) {
	if id, ok := taskID(w, r); ok {
		send(w, r, http.StatusOK, selectTask, id, r.PathValue("user_id"))
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
	id, err := uuid.NewV7()
	if err != nil {
		failBy(w, err)
		return
	}
	completed := f.Completed != nil && *f.Completed
	send(w, r, http.StatusCreated, createTask, id, r.PathValue("user_id"), f.Title, f.Description, completed)
}

func update(w http.ResponseWriter, r *http.Request) {
	id, ok := taskID(w, r)
	if !ok {
		return
	}
	if f, ok := body(w, r); ok {
		send(w, r, http.StatusOK, updateTask, id, r.PathValue("user_id"), f.Title, f.Description, f.Completed)
	}
}

func complete(w http.ResponseWriter, r *http.Request) {
	if id, ok := taskID(w, r); ok {
		send(w, r, http.StatusOK, completeTask, id, r.PathValue("user_id"))
	}
}

func remove(w http.ResponseWriter, r *http.Request) {
	id, ok := taskID(w, r)
	if !ok {
		return
	}
	done, err := pool.Exec(r.Context(), deleteTask, id, r.PathValue("user_id"))
	switch {
	case err != nil:
		failBy(w, err)
	case done.RowsAffected() == 0:
		fail(w, http.StatusNotFound)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

func body(w http.ResponseWriter, r *http.Request) (f fields, ok bool) {
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&f) != nil {
		fail(w, http.StatusBadRequest)
		return f, false
	}
	if f.Title != nil {
		*f.Title = strings.TrimSpace(*f.Title)
	}
	if f.Title != nil && (*f.Title == "" || utf8.RuneCountInString(*f.Title) > 200) ||
		f.Description != nil && utf8.RuneCountInString(*f.Description) > 10_000 {
		fail(w, http.StatusUnprocessableEntity)
		return f, false
	}
	return f, true
}

func taskID(w http.ResponseWriter, r *http.Request) (uuid.UUID, bool) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		fail(w, http.StatusUnprocessableEntity)
	}
	return id, err == nil
}

// send answers with the one task that a statement gives.
func send(w http.ResponseWriter, r *http.Request, status int, sql string, args ...any) {
	rows, err := pool.Query(r.Context(), sql, args...)
	if err != nil {
		failBy(w, err)
		return
	}
	task, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Task])
	if err != nil {
		failBy(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(task)
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
