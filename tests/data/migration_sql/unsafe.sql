-- index without concurrently
CREATE INDEX rooms_name_idx ON chat.rooms (name)
-- unique index without concurrently
CREATE UNIQUE INDEX rooms_name_key ON chat.rooms (name)
-- drop of an index
DROP INDEX chat.rooms_name_idx
-- reindex
REINDEX TABLE chat.rooms
-- unique constraint
ALTER TABLE chat.rooms ADD CONSTRAINT rooms_name_key UNIQUE (name)
-- primary key
ALTER TABLE chat.rooms ADD PRIMARY KEY (id)
-- foreign key
ALTER TABLE chat.pins ADD CONSTRAINT pins_room_id_fkey FOREIGN KEY (room_id) REFERENCES chat.rooms (id)
-- check
ALTER TABLE chat.rooms ADD CONSTRAINT rooms_name_check CHECK (name <> '')
-- set not null
ALTER TABLE chat.rooms ALTER COLUMN topic SET NOT NULL
-- required column
ALTER TABLE chat.rooms ADD COLUMN topic text NOT NULL
-- volatile default
ALTER TABLE chat.rooms ADD COLUMN token uuid DEFAULT gen_random_uuid()
-- clock default
ALTER TABLE chat.rooms ADD COLUMN seen_at timestamptz DEFAULT clock_timestamp()
-- serial column
ALTER TABLE chat.rooms ADD COLUMN number serial
-- stored generated column
ALTER TABLE chat.rooms ADD COLUMN folded text GENERATED ALWAYS AS (lower(name)) STORED
-- column type
ALTER TABLE chat.messages ALTER COLUMN seq TYPE numeric
-- varchar
ALTER TABLE chat.rooms ADD COLUMN topic varchar(80)
-- char
ALTER TABLE chat.rooms ADD COLUMN code char(4)
-- timestamp without zone
CREATE TABLE chat.notes (id uuid CONSTRAINT notes_pkey PRIMARY KEY, made_at timestamp NOT NULL)
-- json
ALTER TABLE chat.rooms ADD COLUMN data json
-- integer key
CREATE TABLE chat.notes (id integer PRIMARY KEY, text text NOT NULL)
-- rename of a table
ALTER TABLE chat.rooms RENAME TO channels
-- rename of a column
ALTER TABLE chat.rooms RENAME COLUMN name TO title
-- drop of a column
ALTER TABLE chat.rooms DROP COLUMN description
-- drop of a table
DROP TABLE chat.pins
-- drop not null
ALTER TABLE chat.rooms ALTER COLUMN name DROP NOT NULL
-- drop of a default
ALTER TABLE chat.rooms ALTER COLUMN description DROP DEFAULT
-- backfill
UPDATE chat.rooms SET topic = name WHERE topic IS NULL
-- deletion
DELETE FROM chat.reports WHERE state = 'RESOLVED'
-- copy
INSERT INTO chat.pins (room_id, message_id) SELECT room_id, id FROM chat.messages WHERE pinned
-- backfill in a common table expression
WITH old AS (SELECT id FROM chat.rooms) UPDATE chat.rooms r SET topic = '' FROM old WHERE old.id = r.id
-- truncate
TRUNCATE chat.reports
-- lock
LOCK TABLE chat.rooms IN ACCESS EXCLUSIVE MODE
-- cluster
CLUSTER chat.rooms USING rooms_pkey
-- unlogged
ALTER TABLE chat.rooms SET UNLOGGED
-- no schema
ALTER TABLE rooms ADD COLUMN topic text
-- enum
CREATE TYPE chat.mood AS ENUM ('GOOD', 'BAD')
-- enum value
ALTER TYPE chat.mood ADD VALUE 'FAIR'
-- search path
SET search_path = chat
-- grant to everybody
GRANT SELECT ON chat.rooms TO PUBLIC
-- definer
CREATE FUNCTION chat.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'
-- triggers off
ALTER TABLE chat.rooms DISABLE TRIGGER ALL
-- cascade
ALTER TABLE chat.rooms DROP CONSTRAINT rooms_pkey CASCADE
-- commit inside
ALTER TABLE chat.rooms ADD COLUMN topic text;
COMMIT
-- concurrently with other things
ALTER TABLE chat.rooms ADD COLUMN topic text;
CREATE INDEX CONCURRENTLY rooms_topic_idx ON chat.rooms (topic)
-- validated at once
ALTER TABLE chat.rooms ADD CONSTRAINT rooms_name_check CHECK (name <> '') NOT VALID;
ALTER TABLE chat.rooms VALIDATE CONSTRAINT rooms_name_check
