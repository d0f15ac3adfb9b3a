package main

import "fmt"

const profileColumns = `a.id, a.artist_name, a.bio, a.verified, a.verified_at, a.website_url, a.spotify_url,
  a.soundcloud_url, a.created_at`

// The size is part of the text, so that PostgreSQL keeps the generic plan. Reactions and replies are arrays: pgx reads
// them in binary, which costs both sides less than JSON.
const listQuery = `
SELECT m.id, m.user_id, m.type::text, m.text, m.track_ref::text, m.parent_id, m.created_at, u.email, ` + profileColumns + `,
  r.ids, r.user_ids, r.emojis, r.emails,
  p.ids, p.user_ids, p.types, p.texts, p.track_refs, p.created, p.deleted
FROM messages m
JOIN users u ON u.id = m.user_id
LEFT JOIN artist_profiles a ON a.user_id = m.user_id
LEFT JOIN LATERAL (
  SELECT array_agg(x.id) AS ids, array_agg(x.user_id) AS user_ids, array_agg(x.emoji) AS emojis,
    array_agg(xu.email) AS emails
  FROM reactions x JOIN users xu ON xu.id = x.user_id WHERE x.message_id = m.id) r ON true
LEFT JOIN LATERAL (
  SELECT array_agg(q.id) AS ids, array_agg(q.user_id) AS user_ids, array_agg(q.type::text) AS types,
    array_agg(q.text) AS texts, array_agg(q.track_ref::text) AS track_refs, array_agg(q.created_at) AS created,
    array_agg(q.deleted_at) AS deleted
  FROM (SELECT * FROM messages c WHERE c.parent_id = m.id ORDER BY c.created_at LIMIT 3) q) p ON true
WHERE m.room_id = $1 AND m.deleted_at IS NULL%s
ORDER BY m.created_at DESC, m.id DESC LIMIT %d`

const afterCursor = `
  AND (m.created_at, m.id) < ((SELECT c.created_at FROM messages c WHERE c.id = $2), $2)`

const (
	sendQuery = `INSERT INTO messages (id, room_id, user_id, text, parent_id) VALUES ($1, $2, $3, $4, $5)
RETURNING created_at`

	searchQuery = `SELECT ` + profileColumns + `, a.user_id, u.email
FROM artist_profiles a JOIN users u ON u.id = a.user_id
WHERE a.artist_name ILIKE $1 AND a.verified ORDER BY a.artist_name LIMIT 20`

	userQuery = `SELECT u.email, u.role::text, u.created_at, ` + profileColumns + `
FROM users u LEFT JOIN artist_profiles a ON a.user_id = u.id WHERE u.id = $1`
)

const largestPage, defaultPage = 100, 50

// listQueries has the texts of all page sizes, without and with a cursor.
var listQueries = func() (texts [2][largestPage + 1]string) {
	for size := range largestPage + 1 {
		texts[0][size] = fmt.Sprintf(listQuery, "", size)
		texts[1][size] = fmt.Sprintf(listQuery, afterCursor, size)
	}
	return texts
}()
