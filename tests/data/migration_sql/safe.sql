-- new table
CREATE TABLE chat.notes (id uuid NOT NULL, text text NOT NULL, CONSTRAINT notes_pkey PRIMARY KEY (id))
-- new table with a key to an old one
CREATE TABLE chat.notes (id uuid NOT NULL, room_id uuid NOT NULL, CONSTRAINT notes_room_id_fkey FOREIGN KEY (room_id) REFERENCES chat.rooms (id))
-- new table with its index
CREATE TABLE chat.notes (id uuid NOT NULL, text text NOT NULL);
CREATE INDEX notes_text_idx ON chat.notes (text)
-- new table with a constraint later
CREATE TABLE chat.notes (id uuid NOT NULL, text text NOT NULL);
ALTER TABLE chat.notes ADD CONSTRAINT notes_text_check CHECK (text <> '')
-- new table with rows
CREATE TABLE chat.notes (id uuid NOT NULL, text text NOT NULL);
INSERT INTO chat.notes SELECT id, name FROM chat.rooms LIMIT 10
-- new table that is changed
CREATE TABLE chat.notes (id uuid NOT NULL);
UPDATE chat.notes SET id = gen_random_uuid()
-- nullable column
ALTER TABLE chat.rooms ADD COLUMN topic text
-- constant default
ALTER TABLE chat.rooms ADD COLUMN topic text DEFAULT '' NOT NULL
-- default of the transaction's time
ALTER TABLE chat.rooms ADD COLUMN seen_at timestamptz DEFAULT now() NOT NULL
-- number with a default
ALTER TABLE chat.rooms ADD COLUMN count integer DEFAULT 0 NOT NULL
-- large number
ALTER TABLE chat.rooms ADD COLUMN count bigint DEFAULT 0 NOT NULL
-- flag
ALTER TABLE chat.rooms ADD COLUMN muted boolean DEFAULT false NOT NULL
-- jsonb
ALTER TABLE chat.rooms ADD COLUMN data jsonb DEFAULT '{}' NOT NULL
-- array
ALTER TABLE chat.rooms ADD COLUMN tags text[]
-- index concurrently
CREATE INDEX CONCURRENTLY rooms_topic_idx ON chat.rooms (topic)
-- unique index concurrently
CREATE UNIQUE INDEX CONCURRENTLY rooms_topic_key ON chat.rooms (topic)
-- partial index concurrently
CREATE INDEX CONCURRENTLY rooms_topic_idx ON chat.rooms (topic) WHERE archived_at IS NULL
-- two indexes concurrently
CREATE INDEX CONCURRENTLY rooms_topic_idx ON chat.rooms (topic);
CREATE INDEX CONCURRENTLY rooms_muted_idx ON chat.rooms (muted)
-- index replaced concurrently
CREATE INDEX CONCURRENTLY rooms_topic_idx ON chat.rooms (topic);
DROP INDEX CONCURRENTLY IF EXISTS chat.rooms_old_idx
-- constraint from an index
ALTER TABLE chat.rooms ADD CONSTRAINT rooms_topic_key UNIQUE USING INDEX rooms_topic_key
-- check not valid
ALTER TABLE chat.rooms ADD CONSTRAINT rooms_topic_check CHECK (topic <> '') NOT VALID
-- foreign key not valid
ALTER TABLE chat.pins ADD CONSTRAINT pins_room_id_fkey FOREIGN KEY (room_id) REFERENCES chat.rooms (id) NOT VALID
-- validation
ALTER TABLE chat.rooms VALIDATE CONSTRAINT rooms_topic_check
-- drop of a check
ALTER TABLE chat.rooms DROP CONSTRAINT rooms_topic_check
-- new default
ALTER TABLE chat.rooms ALTER COLUMN topic SET DEFAULT ''
-- larger target of statistics on an expression
ALTER STATISTICS chat.rooms_stats SET STATISTICS 500
-- comment of a column
COMMENT ON COLUMN chat.rooms.topic IS 'UPDATE, DELETE FROM and json are only words here'
-- comment of a table
COMMENT ON TABLE chat.rooms IS 'Rooms; TRUNCATE is a word'
-- grant
GRANT SELECT, INSERT ON chat.rooms TO chat_app
-- revoke
REVOKE ALL ON chat.rooms FROM PUBLIC
-- storage option
ALTER TABLE chat.rooms SET (fillfactor = 80)
-- vacuum option
ALTER TABLE chat.messages SET (autovacuum_vacuum_scale_factor = 0.02)
-- statistics target
ALTER TABLE chat.rooms ALTER COLUMN name SET STATISTICS 500
-- extended statistics
CREATE STATISTICS chat.rooms_stats ON name, private FROM chat.rooms
-- view
CREATE VIEW chat.public_rooms AS SELECT id, name FROM chat.rooms WHERE NOT private
-- function
CREATE FUNCTION chat.fold(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)'
-- trigger
CREATE TRIGGER rooms_touch BEFORE UPDATE ON chat.rooms FOR EACH ROW EXECUTE FUNCTION chat.touch()
-- one row
INSERT INTO chat.leases (name, holder, until) VALUES ('janitor', gen_random_uuid(), now())
-- identity of a new table
CREATE TABLE chat.notes (id bigint GENERATED ALWAYS AS IDENTITY, text text NOT NULL, CONSTRAINT notes_pkey PRIMARY KEY (id))
-- longer lock time-out for one revision
SET LOCAL lock_timeout = '500ms'
