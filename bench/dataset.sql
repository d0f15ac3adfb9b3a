-- Seda's tables from the dataset's (baselines/dataset.sql), which are in schema public beside the temporary table
-- subjects(number, email, subject). Ids are the same. A room's numbers follow one another as if all of it had happened
-- in this order: the room itself (rev 1), its members, its messages by time, its reactions by time.
SET synchronous_commit = off;
SET work_mem = '256MB';
SET maintenance_work_mem = '512MB';
SET timezone = 'UTC';

INSERT INTO users.users (id, email, supabase_id, display_name, role, created_at, updated_at)
SELECT u.id::uuid, u.email, s.subject, coalesce(a.artist_name, 'Listener ' || s.number),
       CASE u.role::text WHEN 'ARTIST' THEN 'USER' ELSE u.role::text END, u.created_at, u.updated_at
  FROM public.users u
  JOIN subjects s USING (email)
  LEFT JOIN public.artist_profiles a ON a.user_id = u.id;

-- Plain ASCII: their normalized form and their skeleton are lower case, or nearly.
INSERT INTO users.artist_profiles (id, user_id, artist_name, search_name, name_skeleton, bio, verified, verified_at,
                                   website_url, spotify_url, soundcloud_url, created_at, updated_at)
SELECT id::uuid, user_id::uuid, artist_name, lower(artist_name), lower(artist_name), coalesce(bio, ''), verified,
       verified_at, website_url, spotify_url, soundcloud_url, created_at, created_at
  FROM public.artist_profiles;

INSERT INTO chat.rooms (id, name, search_name, description, private, created_by, rev, created_at, updated_at)
SELECT id::uuid, name, lower(name), coalesce(description, ''), is_private, created_by::uuid, 1, created_at, created_at
  FROM public.rooms;

-- The creator owns the room, whether the dataset has them as a member or not.
CREATE TEMP TABLE members AS
SELECT room_id, user_id, role, 1 + row_number() OVER (PARTITION BY room_id ORDER BY role <> 'OWNER', user_id) AS rev
  FROM (SELECT id::uuid AS room_id, created_by::uuid AS user_id, 'OWNER' AS role FROM public.rooms
        UNION ALL
        SELECT m.room_id::uuid, m.user_id::uuid, CASE WHEN m.is_mod THEN 'MODERATOR' ELSE 'MEMBER' END
          FROM public.room_memberships m JOIN public.rooms r ON r.id = m.room_id
         WHERE m.user_id <> r.created_by) m;

-- seq over all messages, roots and replies; no two messages of a room share a time.
CREATE TEMP TABLE numbered AS
SELECT n.*, n.seq + c.members + 1 AS rev
  FROM (SELECT id::uuid AS id, room_id::uuid AS room_id, user_id::uuid AS user_id, type::text AS type, text, track_ref,
               parent_id::uuid AS parent_id, created_at::timestamptz AS created_at,
               row_number() OVER (PARTITION BY room_id ORDER BY created_at) AS seq
          FROM public.messages) n
  JOIN (SELECT room_id, count(*) AS members FROM members GROUP BY room_id) c USING (room_id);
CREATE INDEX ON numbered (id);
ANALYZE numbered;

-- Indexes are faster to make at the end; keys and constraints stay.
CREATE TEMP TABLE later AS
SELECT format('%I.%I', i.schemaname, i.indexname) AS name, i.indexdef AS definition
  FROM pg_indexes i
  JOIN pg_class c ON c.relname = i.indexname AND c.relnamespace = 'chat'::regnamespace
  JOIN pg_index x ON x.indexrelid = c.oid
 WHERE i.schemaname = 'chat' AND i.tablename IN ('messages', 'reactions') AND NOT x.indisunique;
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT later.name FROM later LOOP EXECUTE 'DROP INDEX ' || name; END LOOP;
END $$;

-- As over time: the rows of all rooms mixed. The texts are plain ASCII, whose folding is lower case.
INSERT INTO chat.messages (room_id, seq, id, user_id, type, text, search_text, track_id, track, root_id, root_seq, created_at, rev)
SELECT m.room_id, m.seq, m.id, m.user_id, CASE m.type WHEN 'TRACK_REF' THEN 'TRACK' ELSE 'TEXT' END, m.text,
       lower(m.text),
       CASE WHEN m.track_ref IS NOT NULL THEN md5(m.track_ref->>'providerId')::uuid END,
       CASE WHEN m.track_ref IS NOT NULL THEN jsonb_build_object(
         'provider', m.track_ref->>'provider', 'provider_id', m.track_ref->>'providerId', 'url', m.track_ref->>'url',
         'title', m.track_ref->>'title', 'artist', m.track_ref->>'artist', 'artwork_url', '') END,
       m.parent_id, p.seq, m.created_at, m.rev
  FROM numbered m
  LEFT JOIN numbered p ON p.id = m.parent_id
 ORDER BY m.created_at;

INSERT INTO chat.threads (room_id, root_id, reply_count, last_reply_seq, last_reply_at)
SELECT room_id, parent_id, count(*), max(seq), max(created_at)
  FROM numbered WHERE parent_id IS NOT NULL GROUP BY room_id, parent_id;

-- The dataset has a few users who reacted twice with one emoji.
CREATE TEMP TABLE reacted AS
SELECT room_id, message_id, user_id, emoji, created_at,
       h.last_rev + row_number() OVER (PARTITION BY room_id ORDER BY created_at, message_id, user_id, emoji) AS rev
  FROM (SELECT DISTINCT ON (m.id, x.user_id, x.emoji)
               m.room_id, m.id AS message_id, x.user_id::uuid AS user_id, x.emoji,
               m.created_at + (1 + row_number() OVER (PARTITION BY m.id ORDER BY x.id)) * interval '1 second' AS created_at
          FROM public.reactions x JOIN numbered m ON m.id = x.message_id::uuid
         ORDER BY m.id, x.user_id, x.emoji, created_at) r
  JOIN (SELECT room_id, max(rev) AS last_rev FROM numbered GROUP BY room_id) h USING (room_id);
ANALYZE reacted;

INSERT INTO chat.reactions (room_id, message_id, user_id, emoji, created_at, rev)
SELECT room_id, message_id, user_id, emoji, created_at, rev FROM reacted ORDER BY created_at;

INSERT INTO chat.reaction_tallies (room_id, message_id, emoji, count, first_at)
SELECT room_id, message_id, emoji, count(*), min(created_at) FROM reacted GROUP BY room_id, message_id, emoji;

INSERT INTO chat.room_counters (room_id, last_seq, last_rev, member_count)
SELECT h.room_id, h.last_seq, greatest(h.last_rev, coalesce(r.last_rev, 0)), m.members
  FROM (SELECT room_id, max(seq) AS last_seq, max(rev) AS last_rev FROM numbered GROUP BY room_id) h
  JOIN (SELECT room_id, count(*) AS members FROM members GROUP BY room_id) m USING (room_id)
  LEFT JOIN (SELECT room_id, max(rev) AS last_rev FROM reacted GROUP BY room_id) r USING (room_id);

-- Each member has read up to some of the newest 200 messages.
INSERT INTO chat.room_memberships (room_id, user_id, role, joined_at, last_read_seq, rev)
SELECT m.room_id, m.user_id, m.role, r.created_at,
       greatest(c.last_seq - (hashtextextended(m.user_id::text, 7) & 2147483647) % 200, 0), m.rev
  FROM members m
  JOIN chat.rooms r ON r.id = m.room_id
  JOIN chat.room_counters c ON c.room_id = m.room_id;

INSERT INTO chat.user_counters (user_id, rooms_rev)
SELECT user_id, count(*) FROM members GROUP BY user_id;

DO $$ DECLARE definition text; BEGIN
  FOR definition IN SELECT later.definition FROM later LOOP EXECUTE definition; END LOOP;
END $$;

DROP TABLE public.reactions, public.room_memberships, public.messages, public.rooms, public.artist_profiles, public.users;
DROP TYPE public."UserRole", public."MessageType";
