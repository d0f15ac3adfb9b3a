-- Made by make_dump.py of 2268f8f91eebace23dee604bc7cd7ee58fab7b8331fad964234ac2e1f03ebc5e

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE TYPE public."MessageType" AS ENUM (
    'TEXT',
    'TRACK_REF',
    'SYSTEM'
);
CREATE TYPE public."UserRole" AS ENUM (
    'USER',
    'ARTIST',
    'MODERATOR',
    'ADMIN'
);
CREATE TYPE public."VerificationStatus" AS ENUM (
    'PENDING',
    'APPROVED',
    'DENIED',
    'EXPIRED',
    'ON_HOLD'
);
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public._prisma_migrations (
    id character varying(36) NOT NULL,
    checksum character varying(64) NOT NULL,
    finished_at timestamp with time zone,
    migration_name character varying(255) NOT NULL,
    logs text,
    rolled_back_at timestamp with time zone,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    applied_steps_count integer DEFAULT 0 NOT NULL
);
CREATE TABLE public.admin_actions (
    id text NOT NULL,
    "adminId" text NOT NULL,
    action text NOT NULL,
    "targetId" text NOT NULL,
    details jsonb,
    "createdAt" timestamp(3) without time zone DEFAULT CURRENT_TIMESTAMP NOT NULL
);
CREATE TABLE public.artist_profiles (
    id text NOT NULL,
    "userId" text NOT NULL,
    "artistName" text NOT NULL,
    bio text,
    verified boolean DEFAULT false NOT NULL,
    "verifiedAt" timestamp(3) without time zone,
    "websiteUrl" text,
    "spotifyUrl" text,
    "soundcloudUrl" text,
    "createdAt" timestamp(3) without time zone DEFAULT CURRENT_TIMESTAMP NOT NULL
);
CREATE TABLE public.crawler_cache (
    id text NOT NULL,
    url text NOT NULL,
    content text NOT NULL,
    "statusCode" integer NOT NULL,
    "expiresAt" timestamp(3) without time zone NOT NULL
);
CREATE TABLE public.messages (
    id text NOT NULL,
    "roomId" text NOT NULL,
    "userId" text NOT NULL,
    type public."MessageType" DEFAULT 'TEXT'::public."MessageType" NOT NULL,
    text text,
    "trackRef" jsonb,
    "parentId" text,
    "createdAt" timestamp(3) without time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    "deletedAt" timestamp(3) without time zone
);
CREATE TABLE public.moderation_logs (
    id text NOT NULL,
    "roomId" text NOT NULL,
    "moderatorId" text NOT NULL,
    action text NOT NULL,
    reason text
);
CREATE TABLE public.reactions (
    id text NOT NULL,
    "messageId" text NOT NULL,
    "userId" text NOT NULL,
    emoji text NOT NULL
);
CREATE TABLE public.room_memberships (
    id text NOT NULL,
    "roomId" text NOT NULL,
    "userId" text NOT NULL,
    "isMod" boolean DEFAULT false NOT NULL
);
CREATE TABLE public.rooms (
    id text NOT NULL,
    name text NOT NULL,
    description text,
    "isPrivate" boolean DEFAULT false NOT NULL,
    "createdBy" text NOT NULL,
    "createdAt" timestamp(3) without time zone DEFAULT CURRENT_TIMESTAMP NOT NULL
);
CREATE TABLE public.track_refs (
    id text NOT NULL,
    provider text NOT NULL,
    "providerId" text NOT NULL,
    url text NOT NULL,
    title text NOT NULL,
    artist text NOT NULL,
    artwork text,
    duration integer,
    "createdAt" timestamp(3) without time zone DEFAULT CURRENT_TIMESTAMP NOT NULL
);
CREATE TABLE public.users (
    id text NOT NULL,
    email text NOT NULL,
    "supabaseId" text NOT NULL,
    role public."UserRole" DEFAULT 'USER'::public."UserRole" NOT NULL,
    "mutedUntil" timestamp(3) without time zone,
    "createdAt" timestamp(3) without time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    "updatedAt" timestamp(3) without time zone NOT NULL
);
CREATE TABLE public.verification_requests (
    id text NOT NULL,
    "userId" text NOT NULL,
    "claimCode" text NOT NULL,
    status public."VerificationStatus" DEFAULT 'PENDING'::public."VerificationStatus" NOT NULL,
    "targetUrl" text NOT NULL,
    "createdAt" timestamp(3) without time zone DEFAULT CURRENT_TIMESTAMP NOT NULL
);
INSERT INTO public._prisma_migrations VALUES
	('1d07ea56-5715-408b-a2f0-b24c12faa555', '722f6502f01b389f8dd34703b5cf5f89e9da50cccc093ae570b9dfb8a47f56c9', '2026-11-30 02:27:51.409+00', '20250101000000_init', NULL, NULL, '2026-11-30 02:27:51.33+00', 1);
INSERT INTO public.admin_actions VALUES
	('bb79efd4-db8b-44d4-86d2-29bd465a87f3', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'setRole', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', '{"reason": "Helps every evening"}', '2025-01-01 16:40:00'),
	('03f7801d-1786-47bf-8e96-e72862131475', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'MUTE_USER', '17a26760-e6a5-4551-8963-0d855964e04e', '{"note": "Third time", "until": "2099-01-01"}', '2025-01-01 16:41:00'),
	('7e89d721-0c0f-49a0-8f68-4b15e24e4beb', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'ban_user', 'defe16f3-2605-4f74-84b9-35ff3a59d310', NULL, '2025-01-01 16:42:00'),
	('93f5f1c2-ec91-4346-8464-ba265bc8bed4', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'delete_cache', 'https://page0.example.com/', NULL, '2025-01-01 16:43:00');
INSERT INTO public.artist_profiles VALUES
	('006ee5b8-192a-402a-8e52-e1473849f4dc', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', 'Velvet Sea', 'Songs number 0.', true, '2025-01-01 16:40:00', 'https://velvet.example.com/', NULL, NULL, '2025-01-01 01:40:00'),
	('06dd366b-7b35-4efd-8626-d401e5b0526d', 'ab5d228a-c2ee-450f-8756-ecbc14665748', 'Núria Bañó', NULL, true, '2025-01-01 16:41:00', NULL, 'https://open.spotify.com/artist/06dd366b7b350efd3626d4', NULL, '2025-01-01 01:41:00'),
	('fbf628c1-83e3-4f79-8835-3588a2a2580e', 'fa4c5984-5f8d-4540-8565-c1b5cc19b3cb', 'Los Óxidos', 'Songs number 2.', true, '2025-01-01 16:42:00', NULL, NULL, NULL, '2025-01-01 01:42:00'),
	('e8816187-450f-4035-8af0-3cb023dd6cba', '2727e829-ca05-4c1d-8914-cc75ab3dfa1b', '夜の海', NULL, false, NULL, NULL, NULL, NULL, '2025-01-01 01:43:00'),
	('a7992975-7c1c-468b-8105-dddf65fbbcfa', '1a05388e-5acf-480a-817b-618e0af9c51e', 'Paper Lantern', 'Songs number 4.', false, NULL, 'http://lantern.example.com/', NULL, NULL, '2025-01-01 01:44:00'),
	('434280ca-362f-42ba-8f44-25f7f7653baf', 'f647c755-9206-4baf-8577-13c58d18b48b', 'Copper & Sons', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', false, NULL, NULL, NULL, NULL, '2025-01-01 01:45:00'),
	('375630ee-6428-4c3e-8426-c3658dd6b058', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', 'VeIvet Sea', 'Songs number 6.', true, '2025-01-01 16:46:00', NULL, NULL, NULL, '2025-01-01 01:46:00'),
	('92c2c929-1add-401c-83ea-9bb7cec06522', '9e81f170-b542-4f54-8e7e-55c32d2f34c6', 'Ø', NULL, false, NULL, NULL, NULL, NULL, '2025-01-01 01:47:00');
INSERT INTO public.crawler_cache VALUES
	('67628979-76bd-48e2-8d1d-91f56e5ae428', 'https://page0.example.com/', '<html></html>', 200, '2025-01-01 06:40:00'),
	('17e477fe-899e-49fb-83a2-117a6a9baadf', 'https://page1.example.com/', '<html></html>', 200, '2025-01-01 06:41:00'),
	('d10adbb5-b950-44f0-8138-4d087c73ff59', 'https://page2.example.com/', '<html></html>', 200, '2025-01-01 06:42:00');
INSERT INTO public.messages VALUES
	('11188bd5-f50e-4804-8fc1-d4387618a3c4', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'TEXT', 'Number 0: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:00:00', NULL),
	('3a545c28-3776-4659-813c-2924fe3b841f', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'ab5d228a-c2ee-450f-8756-ecbc14665748', 'TEXT', 'Number 1: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:01:00', NULL),
	('e3e5a02b-a13f-43f5-89ea-6333155476ce', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '1a05388e-5acf-480a-817b-618e0af9c51e', 'TEXT', 'Number 2: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:01:00', NULL),
	('e2707304-3ee6-4402-881e-cac8f67d191b', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', 'TEXT', 'Number 3: wie schön, ¿no? 🎷', NULL, 'e3e5a02b-a13f-43f5-89ea-6333155476ce', '2025-01-01 10:02:00', NULL),
	('5b89a8c6-ec4d-4118-8a97-c28de5b5d495', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'fa4c5984-5f8d-4540-8565-c1b5cc19b3cb', 'TEXT', 'Number 4: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:02:00', NULL),
	('24413691-e3c8-4531-8fe3-2c0d4da9d096', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'f647c755-9206-4baf-8577-13c58d18b48b', 'TRACK_REF', NULL, '{"url": "https://open.spotify.com/intl-de/track/0d6ab7ef1c67b5739c73b7", "title": "Song 5", "provider": "spotify", "providerId": "0d6ab7ef1c67b5739c73b7"}', NULL, '2025-01-01 10:03:00', NULL),
	('c4977cb1-8d5a-4ab9-8e3f-f7eb4269a4d0', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', 'TEXT', 'Number 6: wie schön, ¿no? 🎷', NULL, '5b89a8c6-ec4d-4118-8a97-c28de5b5d495', '2025-01-01 10:03:00', NULL),
	('d20c7636-dc23-42fb-867e-1cad3b551e32', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '2727e829-ca05-4c1d-8914-cc75ab3dfa1b', 'TEXT', 'Number 7: wie schön, ¿no? ', NULL, 'c4977cb1-8d5a-4ab9-8e3f-f7eb4269a4d0', '2025-01-01 10:04:00', NULL),
	('bafb83d2-8eb6-423d-889f-8b38bab32378', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'TEXT', 'Number 8: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:04:00', NULL),
	('780dd6d9-a3a0-4258-8638-e323039105f5', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'ab5d228a-c2ee-450f-8756-ecbc14665748', 'TEXT', 'Number 9: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:05:00', NULL),
	('02e34637-ce83-47ec-8667-388d70d6c394', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '1a05388e-5acf-480a-817b-618e0af9c51e', 'TEXT', 'Number 10: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:05:00', NULL),
	('636079d2-0193-4b9d-8697-c1e5fcfb411e', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', 'TEXT', 'Number 11: wie schön, ¿no? 音楽', NULL, '02e34637-ce83-47ec-8667-388d70d6c394', '2025-01-01 10:06:00', NULL),
	('5a25dc35-06eb-4e18-8c30-8d3437d7c93d', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'fa4c5984-5f8d-4540-8565-c1b5cc19b3cb', 'TEXT', 'Number 12: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:06:00', NULL),
	('1684d075-b210-4bb7-8158-00832fdbe936', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'f647c755-9206-4baf-8577-13c58d18b48b', 'TEXT', 'Number 13: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:07:00', NULL),
	('877d34ff-ee1a-4dcf-8498-fc5d825b0552', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', 'TEXT', 'Number 14: wie schön, ¿no? 音楽', NULL, '5a25dc35-06eb-4e18-8c30-8d3437d7c93d', '2025-01-01 10:07:00', NULL),
	('6db1f6da-6f92-4ad2-88a9-12491f311e4c', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '2727e829-ca05-4c1d-8914-cc75ab3dfa1b', 'TRACK_REF', 'Number 15: wie schön, ¿no? 🎷', '{"url": "https://open.spotify.com/intl-de/track/f952aeedf59002dfd29739", "title": "Song 15", "provider": "spotify", "providerId": "f952aeedf59002dfd29739"}', '877d34ff-ee1a-4dcf-8498-fc5d825b0552', '2025-01-01 10:08:00', NULL),
	('6bfb6585-5a0d-4518-8dba-84e9e198b692', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'TEXT', 'Number 16: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:08:00', NULL),
	('7f6af6e0-60f2-47d3-84f6-946a3035f4b0', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'ab5d228a-c2ee-450f-8756-ecbc14665748', 'TEXT', 'Number 17: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:09:00', NULL),
	('9df2fd78-4724-4307-81b4-5ea41e9c0331', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '1a05388e-5acf-480a-817b-618e0af9c51e', 'TEXT', 'Number 18: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:09:00', NULL),
	('6abbfb04-b5c5-4c66-88cf-b2b8a419ff30', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', 'TEXT', 'Number 19: wie schön, ¿no? ', NULL, '9df2fd78-4724-4307-81b4-5ea41e9c0331', '2025-01-01 10:10:00', NULL),
	('bff6fc72-a9d1-4797-8a4b-c30b041bf25a', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'fa4c5984-5f8d-4540-8565-c1b5cc19b3cb', 'TEXT', 'Number 20: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:10:00', NULL),
	('80739798-2da8-4cbd-85e8-9be494dcdd89', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'f647c755-9206-4baf-8577-13c58d18b48b', 'TEXT', 'Number 21: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:11:00', NULL),
	('920930ba-b331-4217-8b84-75fe5f4e2748', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', 'TEXT', 'Number 22: wie schön, ¿no? ', NULL, 'bff6fc72-a9d1-4797-8a4b-c30b041bf25a', '2025-01-01 10:11:00', NULL),
	('3e0fdd43-7c31-41b0-89ab-80d6f3276428', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '2727e829-ca05-4c1d-8914-cc75ab3dfa1b', 'TEXT', 'Number 23: wie schön, ¿no? 音楽', NULL, '920930ba-b331-4217-8b84-75fe5f4e2748', '2025-01-01 10:12:00', NULL),
	('a62f4255-bf2d-427e-87ef-6e5677daebaa', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'TEXT', 'Number 24: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:12:00', NULL),
	('80955447-d237-4dd9-8eb1-02d1680c2a06', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'ab5d228a-c2ee-450f-8756-ecbc14665748', 'TRACK_REF', NULL, '{"url": "https://open.spotify.com/intl-de/track/7c1730514b18b92af3bb29", "title": "Song 25", "provider": "spotify", "providerId": "7c1730514b18b92af3bb29"}', NULL, '2025-01-01 10:13:00', NULL),
	('2002d1c9-be6b-4503-801d-cfe353a94445', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '1a05388e-5acf-480a-817b-618e0af9c51e', 'TEXT', 'Number 26: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:13:00', NULL),
	('5ba382c3-27db-4790-8783-5e8130cd9d7a', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', 'TEXT', 'Number 27: wie schön, ¿no? 🎷', NULL, '2002d1c9-be6b-4503-801d-cfe353a94445', '2025-01-01 10:14:00', NULL),
	('1a0d48c1-45f3-4dc4-8981-6f172b471297', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'fa4c5984-5f8d-4540-8565-c1b5cc19b3cb', 'TEXT', 'Number 28: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:14:00', NULL),
	('be2474ce-81c7-4667-8437-bc1d0987395b', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'f647c755-9206-4baf-8577-13c58d18b48b', 'TEXT', 'Number 29: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:15:00', NULL),
	('73f32122-8e61-4670-8ca3-9e9a2c821833', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', 'TEXT', 'Number 30: wie schön, ¿no? 🎷', NULL, '1a0d48c1-45f3-4dc4-8981-6f172b471297', '2025-01-01 10:15:00', '2025-01-01 15:00:00'),
	('10e64aed-64c7-4dce-8842-d59a52715214', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '2727e829-ca05-4c1d-8914-cc75ab3dfa1b', 'TEXT', 'Number 31: wie schön, ¿no? ', NULL, '73f32122-8e61-4670-8ca3-9e9a2c821833', '2025-01-01 10:16:00', NULL),
	('6c13ecb2-42ed-40ed-82dd-d8c891b3583e', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'TEXT', 'Number 32: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:16:00', NULL),
	('f6a84654-d11e-48a0-8677-e31a15fba1fc', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'ab5d228a-c2ee-450f-8756-ecbc14665748', 'TEXT', 'Number 33: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:17:00', NULL),
	('b7c15239-ccb8-4b26-8bd1-cd0bf3aa281a', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '1a05388e-5acf-480a-817b-618e0af9c51e', 'TEXT', 'Number 34: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:17:00', NULL),
	('9ff2efb2-8a08-4f39-8432-5daddea1a7e3', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', 'TRACK_REF', 'Number 35: wie schön, ¿no? 音楽', '{"url": "https://open.spotify.com/intl-de/track/e92dc71cdd55623663b5e5", "title": "Song 35", "provider": "spotify", "providerId": "e92dc71cdd55623663b5e5"}', 'b7c15239-ccb8-4b26-8bd1-cd0bf3aa281a', '2025-01-01 10:18:00', NULL),
	('27c7aaaa-0696-4582-8168-e87107373704', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'fa4c5984-5f8d-4540-8565-c1b5cc19b3cb', 'TEXT', 'Number 36: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:18:00', NULL),
	('6dc924d0-7518-4f13-8870-9e35a5032ad5', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'f647c755-9206-4baf-8577-13c58d18b48b', 'TEXT', 'Number 37: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:19:00', NULL),
	('82054fc9-0e80-42c5-8998-dae1ccffb0bf', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', 'TEXT', 'Number 38: wie schön, ¿no? 音楽', NULL, '27c7aaaa-0696-4582-8168-e87107373704', '2025-01-01 10:19:00', NULL),
	('57e4c8fd-6999-44cf-8bea-f69dab4272a1', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '2727e829-ca05-4c1d-8914-cc75ab3dfa1b', 'TEXT', 'Number 39: wie schön, ¿no? 🎷', NULL, '82054fc9-0e80-42c5-8998-dae1ccffb0bf', '2025-01-01 10:20:00', NULL),
	('2e0d51a8-1ec2-4720-88a3-a8af46bfb250', 'a924e94e-4279-40a0-8381-0b3edc81119d', '1a05388e-5acf-480a-817b-618e0af9c51e', 'TEXT', 'Number 0: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:00:00', NULL),
	('63aab3d1-8b10-4bb2-8f17-3032eee67519', 'a924e94e-4279-40a0-8381-0b3edc81119d', '9e81f170-b542-4f54-8e7e-55c32d2f34c6', 'TEXT', 'Number 1: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:01:00', NULL),
	('37e0bc18-7e62-4db9-8912-c0d07bfda19b', 'a924e94e-4279-40a0-8381-0b3edc81119d', '4afaea2e-67bf-4ed1-8aed-665982583d31', 'TEXT', 'Number 2: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:01:00', NULL),
	('8e41dc40-8bb9-47bd-878e-8acd152c3988', 'a924e94e-4279-40a0-8381-0b3edc81119d', 'f647c755-9206-4baf-8577-13c58d18b48b', 'TEXT', 'Number 3: wie schön, ¿no? 🎷', NULL, '37e0bc18-7e62-4db9-8912-c0d07bfda19b', '2025-01-01 10:02:00', NULL),
	('834983f8-5ce5-4dd7-8643-d7a2573b7f20', 'a924e94e-4279-40a0-8381-0b3edc81119d', '5bd2528e-16ff-4228-88dd-2cbc8445d03c', 'TEXT', 'Number 4: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:02:00', NULL),
	('4b9bab0e-ad8f-4157-812b-4908f3eaf75a', 'a924e94e-4279-40a0-8381-0b3edc81119d', '8852cc27-0818-448a-8ab7-dffa2b234fed', 'TRACK_REF', NULL, '{"url": "https://open.spotify.com/intl-de/track/0d6ab7ef1c67b5739c73b7", "title": "Song 5", "provider": "spotify", "providerId": "0d6ab7ef1c67b5739c73b7"}', NULL, '2025-01-01 10:03:00', NULL),
	('5e854c8a-945c-47a4-8544-ceccd173442e', 'a924e94e-4279-40a0-8381-0b3edc81119d', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', 'TEXT', 'Number 6: wie schön, ¿no? 🎷', NULL, '834983f8-5ce5-4dd7-8643-d7a2573b7f20', '2025-01-01 10:03:00', NULL),
	('0e6e00ba-239e-40f2-8f3f-aa0abaf02f7d', 'a924e94e-4279-40a0-8381-0b3edc81119d', '6936da49-ba43-4836-8211-e29a2f17606f', 'TEXT', 'Number 7: wie schön, ¿no? ', NULL, '5e854c8a-945c-47a4-8544-ceccd173442e', '2025-01-01 10:04:00', NULL),
	('711d6706-03c6-4ba0-83a6-55b40c2842af', 'a924e94e-4279-40a0-8381-0b3edc81119d', '1a05388e-5acf-480a-817b-618e0af9c51e', 'TEXT', 'Number 8: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:04:00', NULL),
	('97fa28dd-11e2-4acd-835c-14b060ed1997', 'a924e94e-4279-40a0-8381-0b3edc81119d', '9e81f170-b542-4f54-8e7e-55c32d2f34c6', 'TEXT', 'Number 9: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:05:00', NULL),
	('de4018d3-e552-48f5-8b70-3662ea61a4b4', 'a924e94e-4279-40a0-8381-0b3edc81119d', '4afaea2e-67bf-4ed1-8aed-665982583d31', 'TEXT', 'Number 10: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:05:00', NULL),
	('c97b5dea-a467-4e28-89d1-76042ec3c9e8', 'a924e94e-4279-40a0-8381-0b3edc81119d', 'f647c755-9206-4baf-8577-13c58d18b48b', 'TEXT', 'Number 11: wie schön, ¿no? 音楽', NULL, 'de4018d3-e552-48f5-8b70-3662ea61a4b4', '2025-01-01 10:06:00', NULL),
	('630577db-38f3-4aa5-871c-211f430b4c23', 'a924e94e-4279-40a0-8381-0b3edc81119d', '5bd2528e-16ff-4228-88dd-2cbc8445d03c', 'TEXT', 'Number 12: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:06:00', NULL),
	('ec0d4346-ce83-4e77-87fa-3d2d3b417c29', 'a924e94e-4279-40a0-8381-0b3edc81119d', '8852cc27-0818-448a-8ab7-dffa2b234fed', 'TEXT', 'Number 13: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:07:00', NULL),
	('89b9ab7e-b270-4ae6-845a-543bc3321380', 'a924e94e-4279-40a0-8381-0b3edc81119d', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', 'TEXT', 'Number 14: wie schön, ¿no? 音楽', NULL, '630577db-38f3-4aa5-871c-211f430b4c23', '2025-01-01 10:07:00', NULL),
	('0710ee0f-4675-458c-847f-951e42b84651', 'a924e94e-4279-40a0-8381-0b3edc81119d', '6936da49-ba43-4836-8211-e29a2f17606f', 'TRACK_REF', 'Number 15: wie schön, ¿no? 🎷', '{"url": "https://open.spotify.com/intl-de/track/f952aeedf59002dfd29739", "title": "Song 15", "provider": "spotify", "providerId": "f952aeedf59002dfd29739"}', '89b9ab7e-b270-4ae6-845a-543bc3321380', '2025-01-01 10:08:00', NULL),
	('98f0b75a-6462-413f-8ddc-77b9c557a1e3', 'a924e94e-4279-40a0-8381-0b3edc81119d', '1a05388e-5acf-480a-817b-618e0af9c51e', 'TEXT', 'Number 16: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:08:00', NULL),
	('5baa514a-104c-4cdd-8e93-ee7ff137d589', 'a924e94e-4279-40a0-8381-0b3edc81119d', '9e81f170-b542-4f54-8e7e-55c32d2f34c6', 'TEXT', 'Number 17: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:09:00', NULL),
	('1d636c6b-9a37-4f16-884b-7a8668062711', 'a924e94e-4279-40a0-8381-0b3edc81119d', '4afaea2e-67bf-4ed1-8aed-665982583d31', 'TEXT', 'Number 18: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:09:00', NULL),
	('f65864f7-8855-429b-8468-cc5ee65cf1f1', 'a924e94e-4279-40a0-8381-0b3edc81119d', 'f647c755-9206-4baf-8577-13c58d18b48b', 'TEXT', 'Number 19: wie schön, ¿no? ', NULL, '1d636c6b-9a37-4f16-884b-7a8668062711', '2025-01-01 10:10:00', NULL),
	('cac957ab-1263-4e6d-8e6c-b50381a9f723', 'a924e94e-4279-40a0-8381-0b3edc81119d', '5bd2528e-16ff-4228-88dd-2cbc8445d03c', 'TEXT', 'Number 20: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:10:00', NULL),
	('3d1944d2-c744-4c92-826c-ab8dc42c3770', 'a924e94e-4279-40a0-8381-0b3edc81119d', '8852cc27-0818-448a-8ab7-dffa2b234fed', 'TEXT', 'Number 21: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:11:00', NULL),
	('c68db9e5-f54f-4e98-85fd-2b8b62ea4be5', 'a924e94e-4279-40a0-8381-0b3edc81119d', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', 'TEXT', 'Number 22: wie schön, ¿no? ', NULL, 'cac957ab-1263-4e6d-8e6c-b50381a9f723', '2025-01-01 10:11:00', NULL),
	('ff5a7daf-4ebe-45ac-84a4-438121a04738', 'a924e94e-4279-40a0-8381-0b3edc81119d', '6936da49-ba43-4836-8211-e29a2f17606f', 'TEXT', 'Number 23: wie schön, ¿no? 音楽', NULL, 'c68db9e5-f54f-4e98-85fd-2b8b62ea4be5', '2025-01-01 10:12:00', NULL),
	('4ba551a2-629c-4b4a-8f62-320a250104b5', 'a924e94e-4279-40a0-8381-0b3edc81119d', '1a05388e-5acf-480a-817b-618e0af9c51e', 'TEXT', 'Number 24: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:12:00', NULL),
	('f8492f38-572d-45b0-82d2-3e5c793c3ffd', 'a924e94e-4279-40a0-8381-0b3edc81119d', '9e81f170-b542-4f54-8e7e-55c32d2f34c6', 'TRACK_REF', NULL, '{"url": "https://open.spotify.com/intl-de/track/7c1730514b18b92af3bb29", "title": "Song 25", "provider": "spotify", "providerId": "7c1730514b18b92af3bb29"}', NULL, '2025-01-01 10:13:00', NULL),
	('a8d4fc07-91ac-4f64-89f4-060003e0418c', 'a924e94e-4279-40a0-8381-0b3edc81119d', '4afaea2e-67bf-4ed1-8aed-665982583d31', 'TEXT', 'Number 26: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:13:00', NULL),
	('68714235-87e2-434f-8956-e4a875f6d1cf', 'a924e94e-4279-40a0-8381-0b3edc81119d', 'f647c755-9206-4baf-8577-13c58d18b48b', 'TEXT', 'Number 27: wie schön, ¿no? 🎷', NULL, 'a8d4fc07-91ac-4f64-89f4-060003e0418c', '2025-01-01 10:14:00', NULL),
	('d8528e4d-9c60-47c9-8083-ca24f3045cce', 'a924e94e-4279-40a0-8381-0b3edc81119d', '5bd2528e-16ff-4228-88dd-2cbc8445d03c', 'TEXT', 'Number 28: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:14:00', NULL),
	('90f3bed9-6c54-4bae-8d96-b55ac0dfe85d', 'a924e94e-4279-40a0-8381-0b3edc81119d', '8852cc27-0818-448a-8ab7-dffa2b234fed', 'TEXT', 'Number 29: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:15:00', NULL),
	('cf4a948f-eaa1-481c-8480-34563b45d40c', 'a924e94e-4279-40a0-8381-0b3edc81119d', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', 'TEXT', 'Number 30: wie schön, ¿no? 🎷', NULL, 'd8528e4d-9c60-47c9-8083-ca24f3045cce', '2025-01-01 10:15:00', '2025-01-01 15:00:00'),
	('d656b28e-25ac-49ee-89af-60fc0ce81bd1', 'a924e94e-4279-40a0-8381-0b3edc81119d', '6936da49-ba43-4836-8211-e29a2f17606f', 'TEXT', 'Number 31: wie schön, ¿no? ', NULL, 'cf4a948f-eaa1-481c-8480-34563b45d40c', '2025-01-01 10:16:00', NULL),
	('095b8d89-2312-4ab9-80e6-6e52a932a864', 'a924e94e-4279-40a0-8381-0b3edc81119d', '1a05388e-5acf-480a-817b-618e0af9c51e', 'TEXT', 'Number 32: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:16:00', NULL),
	('78fd0e33-438c-45eb-8197-e7e1d14ed38b', 'a924e94e-4279-40a0-8381-0b3edc81119d', '9e81f170-b542-4f54-8e7e-55c32d2f34c6', 'TEXT', 'Number 33: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:17:00', NULL),
	('dbb6bfb0-2d5f-48d6-8973-9999a4a9f876', 'a924e94e-4279-40a0-8381-0b3edc81119d', '4afaea2e-67bf-4ed1-8aed-665982583d31', 'TEXT', 'Number 34: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:17:00', NULL),
	('af156238-03dc-4715-886b-68b45798007d', 'a924e94e-4279-40a0-8381-0b3edc81119d', 'f647c755-9206-4baf-8577-13c58d18b48b', 'TRACK_REF', 'Number 35: wie schön, ¿no? 音楽', '{"url": "https://open.spotify.com/intl-de/track/e92dc71cdd55623663b5e5", "title": "Song 35", "provider": "spotify", "providerId": "e92dc71cdd55623663b5e5"}', 'dbb6bfb0-2d5f-48d6-8973-9999a4a9f876', '2025-01-01 10:18:00', NULL),
	('7a521887-0acb-46d1-8719-0f5ff96b65b4', 'a924e94e-4279-40a0-8381-0b3edc81119d', '5bd2528e-16ff-4228-88dd-2cbc8445d03c', 'TEXT', 'Number 36: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:18:00', NULL),
	('4e76e0da-5af0-460b-84fc-61ffef9a64b1', 'a924e94e-4279-40a0-8381-0b3edc81119d', '8852cc27-0818-448a-8ab7-dffa2b234fed', 'TEXT', 'Number 37: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:19:00', NULL),
	('ed33956f-4dd4-4f2c-8dd3-ca87b1dd21f6', 'a924e94e-4279-40a0-8381-0b3edc81119d', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', 'TEXT', 'Number 38: wie schön, ¿no? 音楽', NULL, '7a521887-0acb-46d1-8719-0f5ff96b65b4', '2025-01-01 10:19:00', NULL),
	('b0e02ba5-cf4e-4bfa-8e57-557e605ad93f', 'a924e94e-4279-40a0-8381-0b3edc81119d', '6936da49-ba43-4836-8211-e29a2f17606f', 'TEXT', 'Number 39: wie schön, ¿no? 🎷', NULL, 'ed33956f-4dd4-4f2c-8dd3-ca87b1dd21f6', '2025-01-01 10:20:00', NULL),
	('d3fc6eb8-4da4-487f-8790-ccc188362d3c', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '4afaea2e-67bf-4ed1-8aed-665982583d31', 'TEXT', 'Number 0: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:00:00', NULL),
	('dbc3074c-978c-49bb-8300-ae4a79b6e869', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', 'aae2c9ea-2269-4147-879d-e84c7a37eaa8', 'TEXT', 'Number 1: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:01:00', NULL),
	('8ab83d70-b1ec-410d-8020-7a47e3987f8e', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '29ae1d83-b3c1-4c38-8746-4d421c8a6d11', 'TEXT', 'Number 2: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:01:00', NULL),
	('64c6b8d1-b7dd-4df1-882f-7da099580626', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '8852cc27-0818-448a-8ab7-dffa2b234fed', 'TEXT', 'Number 3: wie schön, ¿no? 🎷', NULL, '8ab83d70-b1ec-410d-8020-7a47e3987f8e', '2025-01-01 10:02:00', NULL),
	('81ee6aac-1cce-4b6c-83a4-14e33ecd9cd9', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '735b3ad3-d79c-4635-834a-6d2ad45a28bd', 'TEXT', 'Number 4: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:02:00', NULL),
	('bb7d0eb6-08c4-42ab-84e7-0c353f232e33', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '6c45041c-d446-4325-8f82-dec98584d7b5', 'TRACK_REF', NULL, '{"url": "https://open.spotify.com/intl-de/track/0d6ab7ef1c67b5739c73b7", "title": "Song 5", "provider": "spotify", "providerId": "0d6ab7ef1c67b5739c73b7"}', NULL, '2025-01-01 10:03:00', NULL),
	('5840e9dc-b502-4728-8fc7-0467e8974b44', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', 'TEXT', 'Number 6: wie schön, ¿no? 🎷', NULL, '81ee6aac-1cce-4b6c-83a4-14e33ecd9cd9', '2025-01-01 10:03:00', NULL),
	('e56a9e43-ab93-48b8-8a4a-13e8b8c8a7af', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '7372b7bc-3741-4048-8692-8527b3938d65', 'TEXT', 'Number 7: wie schön, ¿no? ', NULL, '5840e9dc-b502-4728-8fc7-0467e8974b44', '2025-01-01 10:04:00', NULL),
	('2845cd4b-c82d-47aa-8b88-0b46f017d0e8', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '4afaea2e-67bf-4ed1-8aed-665982583d31', 'TEXT', 'Number 8: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:04:00', NULL),
	('031fd920-540b-4114-8296-ae7be5d70953', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', 'aae2c9ea-2269-4147-879d-e84c7a37eaa8', 'TEXT', 'Number 9: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:05:00', NULL),
	('50baa10e-ee2e-4a2c-8ba7-e9c9bf82f317', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '29ae1d83-b3c1-4c38-8746-4d421c8a6d11', 'TEXT', 'Number 10: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:05:00', NULL),
	('160ccd20-f517-4871-8e3a-d27eb7acfd88', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '8852cc27-0818-448a-8ab7-dffa2b234fed', 'TEXT', 'Number 11: wie schön, ¿no? 音楽', NULL, '50baa10e-ee2e-4a2c-8ba7-e9c9bf82f317', '2025-01-01 10:06:00', NULL),
	('6079d889-8688-4a20-810c-f9ad6c5cd841', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '735b3ad3-d79c-4635-834a-6d2ad45a28bd', 'TEXT', 'Number 12: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:06:00', NULL),
	('4160e43d-7244-4e50-8451-190351cbb657', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '6c45041c-d446-4325-8f82-dec98584d7b5', 'TEXT', 'Number 13: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:07:00', NULL),
	('d256110e-cff7-446b-8654-3b5c4906f376', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', 'TEXT', 'Number 14: wie schön, ¿no? 音楽', NULL, '6079d889-8688-4a20-810c-f9ad6c5cd841', '2025-01-01 10:07:00', NULL),
	('41b73830-1632-43a6-8d89-5604aa2647ba', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '7372b7bc-3741-4048-8692-8527b3938d65', 'TRACK_REF', 'Number 15: wie schön, ¿no? 🎷', '{"url": "https://open.spotify.com/intl-de/track/f952aeedf59002dfd29739", "title": "Song 15", "provider": "spotify", "providerId": "f952aeedf59002dfd29739"}', 'd256110e-cff7-446b-8654-3b5c4906f376', '2025-01-01 10:08:00', NULL),
	('6659c5f5-d48f-40bf-85db-4e21d58604ba', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '4afaea2e-67bf-4ed1-8aed-665982583d31', 'TEXT', 'Number 16: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:08:00', NULL),
	('f46965d6-bff9-490f-85d0-185222c6a818', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', 'aae2c9ea-2269-4147-879d-e84c7a37eaa8', 'TEXT', 'Number 17: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:09:00', NULL),
	('083734f0-6a0b-4850-85ca-ff0757d102c6', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '29ae1d83-b3c1-4c38-8746-4d421c8a6d11', 'TEXT', 'Number 18: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:09:00', NULL),
	('e9227223-f202-40f5-86a2-c6410034cb03', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '8852cc27-0818-448a-8ab7-dffa2b234fed', 'TEXT', 'Number 19: wie schön, ¿no? ', NULL, '083734f0-6a0b-4850-85ca-ff0757d102c6', '2025-01-01 10:10:00', NULL),
	('619a5390-27e5-48f5-81ca-058afe7e2330', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '735b3ad3-d79c-4635-834a-6d2ad45a28bd', 'TEXT', 'Number 20: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:10:00', NULL),
	('b8a40f8c-3c19-4861-81f8-bbda49d14773', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '6c45041c-d446-4325-8f82-dec98584d7b5', 'TEXT', 'Number 21: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:11:00', NULL),
	('488a826e-f3ea-4157-8bcf-20e87618e2dc', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', 'TEXT', 'Number 22: wie schön, ¿no? ', NULL, '619a5390-27e5-48f5-81ca-058afe7e2330', '2025-01-01 10:11:00', NULL),
	('ecabe141-0e6e-4bd9-8263-eb4da33b0971', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '7372b7bc-3741-4048-8692-8527b3938d65', 'TEXT', 'Number 23: wie schön, ¿no? 音楽', NULL, '488a826e-f3ea-4157-8bcf-20e87618e2dc', '2025-01-01 10:12:00', NULL),
	('2187964e-aafa-4f6f-8b55-400bad8e0b5b', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '4afaea2e-67bf-4ed1-8aed-665982583d31', 'TEXT', 'Number 24: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:12:00', NULL),
	('5defe26d-bc51-42c4-86ea-d23bc77db3be', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', 'aae2c9ea-2269-4147-879d-e84c7a37eaa8', 'TRACK_REF', NULL, '{"url": "https://open.spotify.com/intl-de/track/7c1730514b18b92af3bb29", "title": "Song 25", "provider": "spotify", "providerId": "7c1730514b18b92af3bb29"}', NULL, '2025-01-01 10:13:00', NULL),
	('54b651b7-3c57-4910-85b6-9bef74e5701e', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '29ae1d83-b3c1-4c38-8746-4d421c8a6d11', 'TEXT', 'Number 26: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:13:00', NULL),
	('fce8185e-daa9-4030-8dbf-dbc0057bfda1', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '8852cc27-0818-448a-8ab7-dffa2b234fed', 'TEXT', 'Number 27: wie schön, ¿no? 🎷', NULL, '54b651b7-3c57-4910-85b6-9bef74e5701e', '2025-01-01 10:14:00', NULL),
	('ddd24af2-1a5c-4ac3-8c83-826aefe47cb7', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '735b3ad3-d79c-4635-834a-6d2ad45a28bd', 'TEXT', 'Number 28: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:14:00', NULL),
	('46377f34-0d3a-4ac6-8b77-83ed2778f980', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '6c45041c-d446-4325-8f82-dec98584d7b5', 'TEXT', 'Number 29: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:15:00', NULL),
	('f788928c-9aee-4a5a-8ccd-d278e6a48d1f', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', 'TEXT', 'Number 30: wie schön, ¿no? 🎷', NULL, 'ddd24af2-1a5c-4ac3-8c83-826aefe47cb7', '2025-01-01 10:15:00', '2025-01-01 15:00:00'),
	('e6bdb81a-72c3-4ec8-8897-84e4b68c8411', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '7372b7bc-3741-4048-8692-8527b3938d65', 'TEXT', 'Number 31: wie schön, ¿no? ', NULL, 'f788928c-9aee-4a5a-8ccd-d278e6a48d1f', '2025-01-01 10:16:00', NULL),
	('5a322e7e-db81-4d2f-87f4-ac5374f4560e', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '4afaea2e-67bf-4ed1-8aed-665982583d31', 'TEXT', 'Number 32: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:16:00', NULL),
	('ae27fc4e-b0b8-4f8b-8b39-0ebceae746c8', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', 'aae2c9ea-2269-4147-879d-e84c7a37eaa8', 'TEXT', 'Number 33: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:17:00', NULL),
	('cf40bfb1-d382-4f73-82bd-b35cc6313b81', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '29ae1d83-b3c1-4c38-8746-4d421c8a6d11', 'TEXT', 'Number 34: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:17:00', NULL),
	('e2361734-d4c5-4ea9-86ea-c25ceb573ba8', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '8852cc27-0818-448a-8ab7-dffa2b234fed', 'TRACK_REF', 'Number 35: wie schön, ¿no? 音楽', '{"url": "https://open.spotify.com/intl-de/track/e92dc71cdd55623663b5e5", "title": "Song 35", "provider": "spotify", "providerId": "e92dc71cdd55623663b5e5"}', 'cf40bfb1-d382-4f73-82bd-b35cc6313b81', '2025-01-01 10:18:00', NULL),
	('8cbd9e6a-2e94-4896-8420-f847a651e594', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '735b3ad3-d79c-4635-834a-6d2ad45a28bd', 'TEXT', 'Number 36: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:18:00', NULL),
	('dcef8be9-c5da-4a78-8893-42b111147162', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '6c45041c-d446-4325-8f82-dec98584d7b5', 'TEXT', 'Number 37: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:19:00', NULL),
	('fc2d570a-d5b5-4483-8586-ad26b48ec6ca', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', 'TEXT', 'Number 38: wie schön, ¿no? 音楽', NULL, '8cbd9e6a-2e94-4896-8420-f847a651e594', '2025-01-01 10:19:00', NULL),
	('31eaa78e-b3f8-465a-80ac-6a31bd4f2f3a', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '7372b7bc-3741-4048-8692-8527b3938d65', 'TEXT', 'Number 39: wie schön, ¿no? 🎷', NULL, 'fc2d570a-d5b5-4483-8586-ad26b48ec6ca', '2025-01-01 10:20:00', NULL),
	('16a1bdc1-6f36-4242-8699-36a2c237c356', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '29ae1d83-b3c1-4c38-8746-4d421c8a6d11', 'TEXT', 'Number 0: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:00:00', NULL),
	('42c0ac42-69c5-4880-875a-c01a25e1f6c3', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', 'defe16f3-2605-4f74-84b9-35ff3a59d310', 'TEXT', 'Number 1: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:01:00', NULL),
	('cb4dd2b6-a107-4757-8fe5-8bcab74457ae', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '2b7003bb-17de-4853-8d4e-db466f118c3a', 'TEXT', 'Number 2: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:01:00', NULL),
	('2a1e978f-8897-498f-8c72-b827bf2634e3', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '6c45041c-d446-4325-8f82-dec98584d7b5', 'TEXT', 'Number 3: wie schön, ¿no? 🎷', NULL, 'cb4dd2b6-a107-4757-8fe5-8bcab74457ae', '2025-01-01 10:02:00', NULL),
	('4ab52f11-e0ff-4b48-8b74-3776b5b8cf55', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '04944441-d0e7-457e-82fb-8246a60b2739', 'TEXT', 'Number 4: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:02:00', NULL),
	('7f61f69e-8776-4034-819d-3d6db979ce8f', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '3dcbc403-b16b-48d9-8e2a-ba7006773333', 'TRACK_REF', NULL, '{"url": "https://open.spotify.com/intl-de/track/0d6ab7ef1c67b5739c73b7", "title": "Song 5", "provider": "spotify", "providerId": "0d6ab7ef1c67b5739c73b7"}', NULL, '2025-01-01 10:03:00', NULL),
	('6808dbc1-b865-4ab2-8626-f274145bcd0a', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '17a26760-e6a5-4551-8963-0d855964e04e', 'TEXT', 'Number 6: wie schön, ¿no? 🎷', NULL, '4ab52f11-e0ff-4b48-8b74-3776b5b8cf55', '2025-01-01 10:03:00', NULL),
	('323fe3fd-3ee6-43a0-84f1-8323ee77d729', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '2eb2363e-cd38-4ec8-88ff-7e9bfece89a0', 'TEXT', 'Number 7: wie schön, ¿no? ', NULL, '6808dbc1-b865-4ab2-8626-f274145bcd0a', '2025-01-01 10:04:00', NULL),
	('71b579bd-e166-4272-8227-1c79678fdd20', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '29ae1d83-b3c1-4c38-8746-4d421c8a6d11', 'TEXT', 'Number 8: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:04:00', NULL),
	('fca51356-27dc-4ed6-8052-fe4044dc6bfe', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', 'defe16f3-2605-4f74-84b9-35ff3a59d310', 'TEXT', 'Number 9: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:05:00', NULL),
	('d00eae35-60c8-4f84-89f9-374a68f4af53', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '2b7003bb-17de-4853-8d4e-db466f118c3a', 'TEXT', 'Number 10: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:05:00', NULL),
	('6725eb71-7cb1-45ef-8ccb-f1f938d9680c', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '6c45041c-d446-4325-8f82-dec98584d7b5', 'TEXT', 'Number 11: wie schön, ¿no? 音楽', NULL, 'd00eae35-60c8-4f84-89f9-374a68f4af53', '2025-01-01 10:06:00', NULL),
	('0e8554ef-d2b0-40a3-8430-cf0e5d527b67', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '04944441-d0e7-457e-82fb-8246a60b2739', 'TEXT', 'Number 12: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:06:00', NULL),
	('8d9cbbb3-e1b3-4f45-8e35-c50219633529', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '3dcbc403-b16b-48d9-8e2a-ba7006773333', 'TEXT', 'Number 13: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:07:00', NULL),
	('04a86c9c-eb52-4101-88ae-704d96235d45', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '17a26760-e6a5-4551-8963-0d855964e04e', 'TEXT', 'Number 14: wie schön, ¿no? 音楽', NULL, '0e8554ef-d2b0-40a3-8430-cf0e5d527b67', '2025-01-01 10:07:00', NULL),
	('73df24d3-8d7f-42fc-8255-7e6e321d3c7d', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '2eb2363e-cd38-4ec8-88ff-7e9bfece89a0', 'TRACK_REF', 'Number 15: wie schön, ¿no? 🎷', '{"url": "https://open.spotify.com/intl-de/track/f952aeedf59002dfd29739", "title": "Song 15", "provider": "spotify", "providerId": "f952aeedf59002dfd29739"}', '04a86c9c-eb52-4101-88ae-704d96235d45', '2025-01-01 10:08:00', NULL),
	('cef08f13-94e4-4f3e-8f0f-d2deee9a57a0', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '29ae1d83-b3c1-4c38-8746-4d421c8a6d11', 'TEXT', 'Number 16: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:08:00', NULL),
	('9645a542-be55-4970-8f44-971625859751', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', 'defe16f3-2605-4f74-84b9-35ff3a59d310', 'TEXT', 'Number 17: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:09:00', NULL),
	('0a6c257b-c35e-4f2f-80da-2b9bf5f4a0de', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '2b7003bb-17de-4853-8d4e-db466f118c3a', 'TEXT', 'Number 18: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:09:00', NULL),
	('b77fcca9-e921-46f5-8ef2-6842aa88a51a', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '6c45041c-d446-4325-8f82-dec98584d7b5', 'TEXT', 'Number 19: wie schön, ¿no? ', NULL, '0a6c257b-c35e-4f2f-80da-2b9bf5f4a0de', '2025-01-01 10:10:00', NULL),
	('0c01c236-1f55-49a7-81c2-386b8e58909d', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '04944441-d0e7-457e-82fb-8246a60b2739', 'TEXT', 'Number 20: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:10:00', NULL),
	('e9b41b9e-3ec1-4f38-8938-b16492c5fc21', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '3dcbc403-b16b-48d9-8e2a-ba7006773333', 'TEXT', 'Number 21: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:11:00', NULL),
	('c9075c12-c03c-4548-8762-a220b37222d1', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '17a26760-e6a5-4551-8963-0d855964e04e', 'TEXT', 'Number 22: wie schön, ¿no? ', NULL, '0c01c236-1f55-49a7-81c2-386b8e58909d', '2025-01-01 10:11:00', NULL),
	('f390ba16-1650-42d5-82e5-97bf417af102', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '2eb2363e-cd38-4ec8-88ff-7e9bfece89a0', 'TEXT', 'Number 23: wie schön, ¿no? 音楽', NULL, 'c9075c12-c03c-4548-8762-a220b37222d1', '2025-01-01 10:12:00', NULL),
	('65d87a0a-3353-42fa-8b0f-bf02eb7246a1', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '29ae1d83-b3c1-4c38-8746-4d421c8a6d11', 'TEXT', 'Number 24: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:12:00', NULL),
	('f46dfdb0-7690-434f-8603-7a9d9e6295dd', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', 'defe16f3-2605-4f74-84b9-35ff3a59d310', 'TRACK_REF', NULL, '{"url": "https://open.spotify.com/intl-de/track/7c1730514b18b92af3bb29", "title": "Song 25", "provider": "spotify", "providerId": "7c1730514b18b92af3bb29"}', NULL, '2025-01-01 10:13:00', NULL),
	('24a44a37-b462-4bb6-8cbe-3e5e5b01f1a2', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '2b7003bb-17de-4853-8d4e-db466f118c3a', 'TEXT', 'Number 26: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:13:00', NULL),
	('6c64cee1-6cf9-48d1-8f7c-d45bb71fcd00', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '6c45041c-d446-4325-8f82-dec98584d7b5', 'TEXT', 'Number 27: wie schön, ¿no? 🎷', NULL, '24a44a37-b462-4bb6-8cbe-3e5e5b01f1a2', '2025-01-01 10:14:00', NULL),
	('ee1ca10d-bc02-4a7f-800f-d091ca5aa422', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '04944441-d0e7-457e-82fb-8246a60b2739', 'TEXT', 'Number 28: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:14:00', NULL),
	('a30930d3-8766-4599-8d58-baac23cd1f27', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '3dcbc403-b16b-48d9-8e2a-ba7006773333', 'TEXT', 'Number 29: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:15:00', NULL),
	('f889af90-94c8-4f85-82f7-28e3c70caafa', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '17a26760-e6a5-4551-8963-0d855964e04e', 'TEXT', 'Number 30: wie schön, ¿no? 🎷', NULL, 'ee1ca10d-bc02-4a7f-800f-d091ca5aa422', '2025-01-01 10:15:00', '2025-01-01 15:00:00'),
	('2404951a-ccd0-4e5c-824f-f467fa43e990', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '2eb2363e-cd38-4ec8-88ff-7e9bfece89a0', 'TEXT', 'Number 31: wie schön, ¿no? ', NULL, 'f889af90-94c8-4f85-82f7-28e3c70caafa', '2025-01-01 10:16:00', NULL),
	('9dcf6485-9391-4706-8707-f37401bcac76', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '29ae1d83-b3c1-4c38-8746-4d421c8a6d11', 'TEXT', 'Number 32: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:16:00', NULL),
	('9774ffdf-9348-4f68-8a82-f23e9fbce0a4', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', 'defe16f3-2605-4f74-84b9-35ff3a59d310', 'TEXT', 'Number 33: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:17:00', NULL),
	('b68be7ae-bfca-430a-87e9-724de95889ae', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '2b7003bb-17de-4853-8d4e-db466f118c3a', 'TEXT', 'Number 34: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:17:00', NULL),
	('68343a68-618a-4719-8b45-106ef7e543dd', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '6c45041c-d446-4325-8f82-dec98584d7b5', 'TRACK_REF', 'Number 35: wie schön, ¿no? 音楽', '{"url": "https://open.spotify.com/intl-de/track/e92dc71cdd55623663b5e5", "title": "Song 35", "provider": "spotify", "providerId": "e92dc71cdd55623663b5e5"}', 'b68be7ae-bfca-430a-87e9-724de95889ae', '2025-01-01 10:18:00', NULL),
	('a3657b23-c611-465f-8baa-f417c9cbfde4', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '04944441-d0e7-457e-82fb-8246a60b2739', 'TEXT', 'Number 36: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:18:00', NULL),
	('e1ffbd91-ff1c-4ee3-82e1-5b0fe4fe85ef', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '3dcbc403-b16b-48d9-8e2a-ba7006773333', 'TEXT', 'Number 37: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:19:00', NULL),
	('13f0dea0-4df7-4aa4-813a-0a9403b273e5', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '17a26760-e6a5-4551-8963-0d855964e04e', 'TEXT', 'Number 38: wie schön, ¿no? 音楽', NULL, 'a3657b23-c611-465f-8baa-f417c9cbfde4', '2025-01-01 10:19:00', NULL),
	('08d4f73c-53de-44e4-892b-08fe193b0510', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '2eb2363e-cd38-4ec8-88ff-7e9bfece89a0', 'TEXT', 'Number 39: wie schön, ¿no? 🎷', NULL, '13f0dea0-4df7-4aa4-813a-0a9403b273e5', '2025-01-01 10:20:00', NULL),
	('9c2f7b67-f7eb-4752-8007-a066ce199ace', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '2b7003bb-17de-4853-8d4e-db466f118c3a', 'TEXT', 'Number 0: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:00:00', NULL),
	('db820e8c-2d38-4646-8a5a-57b4ee776012', 'c3671fa3-5756-4c99-83e7-607054d51b3c', 'f4399c36-f7a4-4470-8e9f-d24df0ac01f6', 'TEXT', 'Number 1: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:01:00', NULL),
	('438b8aca-79c8-4b8c-80b0-bd5fbf48cd93', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'TEXT', 'Number 2: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:01:00', NULL),
	('dc875c86-52fb-4406-83bd-1f0c0a2bc8d9', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '3dcbc403-b16b-48d9-8e2a-ba7006773333', 'TEXT', 'Number 3: wie schön, ¿no? 🎷', NULL, '438b8aca-79c8-4b8c-80b0-bd5fbf48cd93', '2025-01-01 10:02:00', NULL),
	('484c71da-d1ee-44e8-8734-3000301e67ad', 'c3671fa3-5756-4c99-83e7-607054d51b3c', 'd30ffe53-f4b3-435a-8353-a37699a1212b', 'TEXT', 'Number 4: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:02:00', NULL),
	('307e6d10-f327-4ca0-8cad-a8126473bb1f', 'c3671fa3-5756-4c99-83e7-607054d51b3c', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', 'TRACK_REF', NULL, '{"url": "https://open.spotify.com/intl-de/track/0d6ab7ef1c67b5739c73b7", "title": "Song 5", "provider": "spotify", "providerId": "0d6ab7ef1c67b5739c73b7"}', NULL, '2025-01-01 10:03:00', NULL),
	('bf991a59-0ac5-44cb-8f7f-c0ada4eaf2e0', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '5467106b-e655-49c3-8937-65948e224c84', 'TEXT', 'Number 6: wie schön, ¿no? 🎷', NULL, '484c71da-d1ee-44e8-8734-3000301e67ad', '2025-01-01 10:03:00', NULL),
	('7ee9a8db-392a-4557-8269-ce9f4df46285', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '499d1978-faa3-4bc6-8f5b-dd3709fc4396', 'TEXT', 'Number 7: wie schön, ¿no? ', NULL, 'bf991a59-0ac5-44cb-8f7f-c0ada4eaf2e0', '2025-01-01 10:04:00', NULL),
	('13bb3826-ab76-4d3b-897b-3a0d452f83cf', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '2b7003bb-17de-4853-8d4e-db466f118c3a', 'TEXT', 'Number 8: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:04:00', NULL),
	('bf2fe1b7-792c-4cc2-8b41-a05f8a79a95a', 'c3671fa3-5756-4c99-83e7-607054d51b3c', 'f4399c36-f7a4-4470-8e9f-d24df0ac01f6', 'TEXT', 'Number 9: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:05:00', NULL),
	('489306c6-ccd4-4096-880c-0eb2756a5d36', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'TEXT', 'Number 10: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:05:00', NULL),
	('80290e6d-75d8-4a56-8794-8c1026c74141', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '3dcbc403-b16b-48d9-8e2a-ba7006773333', 'TEXT', 'Number 11: wie schön, ¿no? 音楽', NULL, '489306c6-ccd4-4096-880c-0eb2756a5d36', '2025-01-01 10:06:00', NULL),
	('07496ff9-756c-45d2-8d3c-276392f21209', 'c3671fa3-5756-4c99-83e7-607054d51b3c', 'd30ffe53-f4b3-435a-8353-a37699a1212b', 'TEXT', 'Number 12: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:06:00', NULL),
	('3ff44d8e-6f85-4928-8f7c-fc8a4fc75a74', 'c3671fa3-5756-4c99-83e7-607054d51b3c', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', 'TEXT', 'Number 13: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:07:00', NULL),
	('7b73e344-231e-4b8d-8c93-8f06e8cfa6a6', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '5467106b-e655-49c3-8937-65948e224c84', 'TEXT', 'Number 14: wie schön, ¿no? 音楽', NULL, '07496ff9-756c-45d2-8d3c-276392f21209', '2025-01-01 10:07:00', NULL),
	('2734e77b-4c8c-4a96-8312-dcb7d33198b0', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '499d1978-faa3-4bc6-8f5b-dd3709fc4396', 'TRACK_REF', 'Number 15: wie schön, ¿no? 🎷', '{"url": "https://open.spotify.com/intl-de/track/f952aeedf59002dfd29739", "title": "Song 15", "provider": "spotify", "providerId": "f952aeedf59002dfd29739"}', '7b73e344-231e-4b8d-8c93-8f06e8cfa6a6', '2025-01-01 10:08:00', NULL),
	('e53bc138-bc25-4e70-85f5-00e18d150155', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '2b7003bb-17de-4853-8d4e-db466f118c3a', 'TEXT', 'Number 16: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:08:00', NULL),
	('70ab9e3a-b8e4-4145-815b-c615e2461cc5', 'c3671fa3-5756-4c99-83e7-607054d51b3c', 'f4399c36-f7a4-4470-8e9f-d24df0ac01f6', 'TEXT', 'Number 17: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:09:00', NULL),
	('1d757799-3d78-4af1-8e50-3fcc09aa8635', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'TEXT', 'Number 18: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:09:00', NULL),
	('0ac97b45-d241-49d9-877c-39de9625cd6d', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '3dcbc403-b16b-48d9-8e2a-ba7006773333', 'TEXT', 'Number 19: wie schön, ¿no? ', NULL, '1d757799-3d78-4af1-8e50-3fcc09aa8635', '2025-01-01 10:10:00', NULL),
	('738c4d8e-8f56-48bd-8df9-ff29d5dd135a', 'c3671fa3-5756-4c99-83e7-607054d51b3c', 'd30ffe53-f4b3-435a-8353-a37699a1212b', 'TEXT', 'Number 20: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:10:00', NULL),
	('a316208f-9dd9-4d97-835e-df00d7d94f43', 'c3671fa3-5756-4c99-83e7-607054d51b3c', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', 'TEXT', 'Number 21: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:11:00', NULL),
	('1075a496-d0a1-4c46-86e4-df4f7b031e4f', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '5467106b-e655-49c3-8937-65948e224c84', 'TEXT', 'Number 22: wie schön, ¿no? ', NULL, '738c4d8e-8f56-48bd-8df9-ff29d5dd135a', '2025-01-01 10:11:00', NULL),
	('5c47835a-3fca-4c19-8b84-6181289dc7da', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '499d1978-faa3-4bc6-8f5b-dd3709fc4396', 'TEXT', 'Number 23: wie schön, ¿no? 音楽', NULL, '1075a496-d0a1-4c46-86e4-df4f7b031e4f', '2025-01-01 10:12:00', NULL),
	('a34cf1df-6e92-499a-88d5-f611d3a38e34', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '2b7003bb-17de-4853-8d4e-db466f118c3a', 'TEXT', 'Number 24: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:12:00', NULL),
	('a7fa22cd-c0c5-429c-8bf3-e225a571c7ec', 'c3671fa3-5756-4c99-83e7-607054d51b3c', 'f4399c36-f7a4-4470-8e9f-d24df0ac01f6', 'TRACK_REF', NULL, '{"url": "https://open.spotify.com/intl-de/track/7c1730514b18b92af3bb29", "title": "Song 25", "provider": "spotify", "providerId": "7c1730514b18b92af3bb29"}', NULL, '2025-01-01 10:13:00', NULL),
	('9a0125e9-e759-46d9-87ae-55286168e3b3', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'TEXT', 'Number 26: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:13:00', NULL),
	('1176dd21-b12a-4363-8754-3b9af1292fcf', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '3dcbc403-b16b-48d9-8e2a-ba7006773333', 'TEXT', 'Number 27: wie schön, ¿no? 🎷', NULL, '9a0125e9-e759-46d9-87ae-55286168e3b3', '2025-01-01 10:14:00', NULL),
	('05b45095-ac4f-44d9-8c65-efa6749659f9', 'c3671fa3-5756-4c99-83e7-607054d51b3c', 'd30ffe53-f4b3-435a-8353-a37699a1212b', 'TEXT', 'Number 28: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:14:00', NULL),
	('657e5b87-7114-4bf9-82f5-ed4ece2d107c', 'c3671fa3-5756-4c99-83e7-607054d51b3c', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', 'TEXT', 'Number 29: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:15:00', NULL),
	('4e0e5898-79a5-4739-83a2-f86890c66e9c', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '5467106b-e655-49c3-8937-65948e224c84', 'TEXT', 'Number 30: wie schön, ¿no? 🎷', NULL, '05b45095-ac4f-44d9-8c65-efa6749659f9', '2025-01-01 10:15:00', '2025-01-01 15:00:00'),
	('2d8da2f4-1e6f-4038-8490-ad0292245141', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '499d1978-faa3-4bc6-8f5b-dd3709fc4396', 'TEXT', 'Number 31: wie schön, ¿no? ', NULL, '4e0e5898-79a5-4739-83a2-f86890c66e9c', '2025-01-01 10:16:00', NULL),
	('abaf60e1-79e4-4ef3-8733-b707db506b37', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '2b7003bb-17de-4853-8d4e-db466f118c3a', 'TEXT', 'Number 32: wie schön, ¿no? 音楽', NULL, NULL, '2025-01-01 10:16:00', NULL),
	('1ea3f76b-e187-4f66-8c3a-8b870442a9f0', 'c3671fa3-5756-4c99-83e7-607054d51b3c', 'f4399c36-f7a4-4470-8e9f-d24df0ac01f6', 'TEXT', 'Number 33: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:17:00', NULL),
	('f9c9b945-0627-4161-8973-a56cfa6b0ccb', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'TEXT', 'Number 34: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:17:00', NULL),
	('cc03fbf9-c9bc-49a5-86e8-a7f8976e3196', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '3dcbc403-b16b-48d9-8e2a-ba7006773333', 'TRACK_REF', 'Number 35: wie schön, ¿no? 音楽', '{"url": "https://open.spotify.com/intl-de/track/e92dc71cdd55623663b5e5", "title": "Song 35", "provider": "spotify", "providerId": "e92dc71cdd55623663b5e5"}', 'f9c9b945-0627-4161-8973-a56cfa6b0ccb', '2025-01-01 10:18:00', NULL),
	('a0da75e6-be7f-49fa-87e4-4a5873c92eb7', 'c3671fa3-5756-4c99-83e7-607054d51b3c', 'd30ffe53-f4b3-435a-8353-a37699a1212b', 'TEXT', 'Number 36: wie schön, ¿no? 🎷', NULL, NULL, '2025-01-01 10:18:00', NULL),
	('b36d0e91-c8fb-44ea-8949-e96d505b7224', 'c3671fa3-5756-4c99-83e7-607054d51b3c', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', 'TEXT', 'Number 37: wie schön, ¿no? ', NULL, NULL, '2025-01-01 10:19:00', NULL),
	('81a5da74-bfcb-420e-8b0b-d1cc2fe84294', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '5467106b-e655-49c3-8937-65948e224c84', 'TEXT', 'Number 38: wie schön, ¿no? 音楽', NULL, 'a0da75e6-be7f-49fa-87e4-4a5873c92eb7', '2025-01-01 10:19:00', NULL),
	('ac16b76c-68e1-4a6f-8fde-664637e478aa', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '499d1978-faa3-4bc6-8f5b-dd3709fc4396', 'TEXT', 'Number 39: wie schön, ¿no? 🎷', NULL, '81a5da74-bfcb-420e-8b0b-d1cc2fe84294', '2025-01-01 10:20:00', NULL),
	('4fce6432-6221-41a2-86dc-c5557e824cf3', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'SYSTEM', 'Listener 3 joined', NULL, NULL, '2025-01-01 11:40:00', NULL),
	('1db65a6a-0a81-4fd3-8655-b95e33ada11d', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'TEXT', ' ', NULL, NULL, '2025-01-01 11:41:00', NULL),
	('83b23306-07fe-4f81-8ce6-d24249dea373', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'TEXT', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', NULL, NULL, '2025-01-01 11:42:00', NULL),
	('037805d3-ad7b-40c5-8842-5427b516b5ce', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'TEXT', 'ring', NULL, NULL, '2025-01-01 11:43:00', NULL),
	('6b911f2d-7c10-477a-8780-d59b3c9bf093', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'TRACK_REF', NULL, '{"url": "https://tapes.example.com/1"}', NULL, '2025-01-01 11:44:00', NULL),
	('80449eca-73fc-4994-8d2c-4739dace443a', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'TRACK_REF', 'hello', '{"title": "A song that someone hummed"}', NULL, '2025-01-01 11:45:00', NULL),
	('ef6e487f-c4b0-4a5d-844e-e20c3cc0402c', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'TRACK_REF', NULL, '{"provider": "deezer", "providerId": "3135556"}', NULL, '2025-01-01 11:46:00', NULL),
	('e6b5eecf-439d-49b2-8a73-b6cc50ffe0fa', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'TEXT', 'hello', NULL, '2e0d51a8-1ec2-4720-88a3-a8af46bfb250', '2025-01-01 11:47:00', NULL);
INSERT INTO public.moderation_logs VALUES
	('e313d645-d5d6-4903-890d-6db26ca72915', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', 'deleteMessage', 'Spam'),
	('ce9109e5-05dc-4fc2-88a2-8bc615016010', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', 'MUTE_MEMBER', NULL),
	('1917de01-aeaf-4848-80e1-0cd3eccffca9', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', 'warn', 'Tone'),
	('cd968bf3-6db5-4314-8609-a99618eb3fea', '323af7e9-84a4-4b3e-82b9-01aaf2bb2c51', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', 'LOCK_ROOM', NULL);
INSERT INTO public.reactions VALUES
	('6a866852-faf4-4668-8019-ec74348944f7', '11188bd5-f50e-4804-8fc1-d4387618a3c4', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', '🔥'),
	('24bc0167-262c-4d0a-87b5-6e61fa852694', '11188bd5-f50e-4804-8fc1-d4387618a3c4', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', '❤️'),
	('40b69761-e692-4638-89c2-33a4cb458516', 'e2707304-3ee6-4402-881e-cac8f67d191b', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', '🔥'),
	('dc6a8e9a-ef4c-4d9c-8821-cdca8623e2ff', 'e2707304-3ee6-4402-881e-cac8f67d191b', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', ':seda:'),
	('250bd7b8-7b8b-4974-8cf2-0803d95d8b4b', 'c4977cb1-8d5a-4ab9-8e3f-f7eb4269a4d0', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', '🔥'),
	('85eb0f9c-7c74-46ce-8bd4-580963ce0891', 'c4977cb1-8d5a-4ab9-8e3f-f7eb4269a4d0', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', '👏🏽'),
	('3766de2f-896b-45d7-8391-e01dd04a64ac', '780dd6d9-a3a0-4258-8638-e323039105f5', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', '🔥'),
	('020dbeda-a49c-4f96-8a91-4cd8a4a878f3', '780dd6d9-a3a0-4258-8638-e323039105f5', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', '❤'),
	('e4f44d71-a57c-45ed-8484-a0fc186867b2', '5a25dc35-06eb-4e18-8c30-8d3437d7c93d', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', '🔥'),
	('5bf7e59c-9443-4962-8615-f6dd2f1c8ed6', '5a25dc35-06eb-4e18-8c30-8d3437d7c93d', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', '❤️'),
	('031994d9-0522-4cfc-8d11-2270a2dbd015', '6db1f6da-6f92-4ad2-88a9-12491f311e4c', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', '🔥'),
	('159efea8-eed2-4780-8e40-706538fec77c', '6db1f6da-6f92-4ad2-88a9-12491f311e4c', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', ':seda:'),
	('17c69135-f3a2-4fdb-844c-38a40653e9ae', '9df2fd78-4724-4307-81b4-5ea41e9c0331', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', '🔥'),
	('21834551-ca85-4be9-8049-6c66b7fb7621', '9df2fd78-4724-4307-81b4-5ea41e9c0331', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', '👏🏽'),
	('e70e5ade-3a81-4062-83bd-e2c4bd77041d', '80739798-2da8-4cbd-85e8-9be494dcdd89', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', '🔥'),
	('58d102f1-3863-4c5c-877e-223891e57c7d', '80739798-2da8-4cbd-85e8-9be494dcdd89', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', '❤'),
	('4a94205a-4cb9-4f87-85ad-36a84fdf1cb1', 'a62f4255-bf2d-427e-87ef-6e5677daebaa', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', '🔥'),
	('1e7fe8fd-cc80-4f20-8ada-ea6823f5ce40', 'a62f4255-bf2d-427e-87ef-6e5677daebaa', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', '❤️'),
	('997ad6c6-7fbd-44c5-8323-1c14bdcbc813', '5ba382c3-27db-4790-8783-5e8130cd9d7a', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', '🔥'),
	('d74a5d7a-0584-4a9b-8063-14c3496b5eb3', '5ba382c3-27db-4790-8783-5e8130cd9d7a', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', ':seda:'),
	('c1934b6a-68ee-4c7f-8e4a-002788730a95', '73f32122-8e61-4670-8ca3-9e9a2c821833', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', '🔥'),
	('27657d63-891a-4d93-81f1-65d3ca14ff05', '73f32122-8e61-4670-8ca3-9e9a2c821833', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', '👏🏽'),
	('d7528bb8-9b3b-4822-88e6-f680b6fb8c75', 'f6a84654-d11e-48a0-8677-e31a15fba1fc', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', '🔥'),
	('53157a6c-4c26-465e-820a-a0a06e363b77', 'f6a84654-d11e-48a0-8677-e31a15fba1fc', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', '❤'),
	('df5a8a5f-c8b7-4fdf-8c74-c31443632b93', '27c7aaaa-0696-4582-8168-e87107373704', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', '🔥'),
	('d1744faa-6ff1-41aa-85d8-1b2293c60f9c', '27c7aaaa-0696-4582-8168-e87107373704', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', '❤️'),
	('e7615165-a5c2-436d-8903-34e8a9c8f4c7', '57e4c8fd-6999-44cf-8bea-f69dab4272a1', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', '🔥'),
	('38f8173a-9a4e-46e0-8d6c-5d5a06d1821e', '57e4c8fd-6999-44cf-8bea-f69dab4272a1', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', ':seda:'),
	('4567cb4c-650d-49cb-8450-23a05c919bb4', '2e0d51a8-1ec2-4720-88a3-a8af46bfb250', 'f647c755-9206-4baf-8577-13c58d18b48b', '🔥'),
	('0879b538-7a3d-464b-834c-5134e9b6134c', '2e0d51a8-1ec2-4720-88a3-a8af46bfb250', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', '❤️'),
	('8e08c5ac-6e71-4c25-8966-0db3cd76bd85', '8e41dc40-8bb9-47bd-878e-8acd152c3988', 'f647c755-9206-4baf-8577-13c58d18b48b', '🔥'),
	('7fa24d5a-c093-4fe4-83db-d5bfecd36be0', '8e41dc40-8bb9-47bd-878e-8acd152c3988', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', ':seda:'),
	('9d08e776-0156-4949-8285-3a1d60c7e27e', '5e854c8a-945c-47a4-8544-ceccd173442e', 'f647c755-9206-4baf-8577-13c58d18b48b', '🔥'),
	('14361ae7-8965-40ed-8719-f4abf4a111ec', '5e854c8a-945c-47a4-8544-ceccd173442e', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', '👏🏽'),
	('90c5cfb6-1c62-4543-8be5-59cb7f1fa0ec', '97fa28dd-11e2-4acd-835c-14b060ed1997', 'f647c755-9206-4baf-8577-13c58d18b48b', '🔥'),
	('9a0707ba-2cce-43ba-8797-dbf4775d938c', '97fa28dd-11e2-4acd-835c-14b060ed1997', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', '❤'),
	('d5b273d6-cca9-4927-88d7-ca3c67b6925a', '630577db-38f3-4aa5-871c-211f430b4c23', 'f647c755-9206-4baf-8577-13c58d18b48b', '🔥'),
	('52ede02f-82d7-403f-8f1f-8c0eb3af09e1', '630577db-38f3-4aa5-871c-211f430b4c23', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', '❤️'),
	('3f3fe447-240d-49dd-856c-c927946342af', '0710ee0f-4675-458c-847f-951e42b84651', 'f647c755-9206-4baf-8577-13c58d18b48b', '🔥'),
	('c5af6b08-2cfa-47bf-85f3-431e14ec0660', '0710ee0f-4675-458c-847f-951e42b84651', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', ':seda:'),
	('6decaef1-921c-4193-8332-31623fee7270', '1d636c6b-9a37-4f16-884b-7a8668062711', 'f647c755-9206-4baf-8577-13c58d18b48b', '🔥'),
	('3ad0fe69-aaab-4491-80c1-3845cea5b505', '1d636c6b-9a37-4f16-884b-7a8668062711', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', '👏🏽'),
	('dfe8232c-dcbe-4687-803a-9fd6b7bdbcbb', '3d1944d2-c744-4c92-826c-ab8dc42c3770', 'f647c755-9206-4baf-8577-13c58d18b48b', '🔥'),
	('34d22be6-f466-432f-8167-cd52dffaa8a9', '3d1944d2-c744-4c92-826c-ab8dc42c3770', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', '❤'),
	('2a8c8679-75ea-44cd-8f69-edae44a80f69', '4ba551a2-629c-4b4a-8f62-320a250104b5', 'f647c755-9206-4baf-8577-13c58d18b48b', '🔥'),
	('3a60dc34-e339-43be-8ebc-ab817ebbff39', '4ba551a2-629c-4b4a-8f62-320a250104b5', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', '❤️'),
	('8cbd9de5-17f4-401f-8266-5c1b2839ea77', '68714235-87e2-434f-8956-e4a875f6d1cf', 'f647c755-9206-4baf-8577-13c58d18b48b', '🔥'),
	('2109eab1-16ba-4620-8973-07cd499b9c56', '68714235-87e2-434f-8956-e4a875f6d1cf', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', ':seda:'),
	('439bc58c-0abf-4a79-89a9-277b43adaba1', 'cf4a948f-eaa1-481c-8480-34563b45d40c', 'f647c755-9206-4baf-8577-13c58d18b48b', '🔥'),
	('b50d0a00-e1d7-47d2-88c4-e44cbc9ce808', 'cf4a948f-eaa1-481c-8480-34563b45d40c', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', '👏🏽'),
	('2e496b1b-adfb-4e24-89b3-3c7c70b9ad1c', '78fd0e33-438c-45eb-8197-e7e1d14ed38b', 'f647c755-9206-4baf-8577-13c58d18b48b', '🔥'),
	('ac1009e6-b2b9-474c-89bf-1883fadff546', '78fd0e33-438c-45eb-8197-e7e1d14ed38b', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', '❤'),
	('febc5371-17df-4539-8818-e269b5ecf40f', '7a521887-0acb-46d1-8719-0f5ff96b65b4', 'f647c755-9206-4baf-8577-13c58d18b48b', '🔥'),
	('312f1164-da46-4c6b-8fd4-7b8060345d69', '7a521887-0acb-46d1-8719-0f5ff96b65b4', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', '❤️'),
	('35faaa87-5630-4d6c-8991-c3dbd2756bb7', 'b0e02ba5-cf4e-4bfa-8e57-557e605ad93f', 'f647c755-9206-4baf-8577-13c58d18b48b', '🔥'),
	('81a0f6c6-3420-40d9-8b81-abc8ff221aeb', 'b0e02ba5-cf4e-4bfa-8e57-557e605ad93f', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', ':seda:'),
	('580cddfc-db86-48a0-8f7a-a419ddcf03fc', 'd3fc6eb8-4da4-487f-8790-ccc188362d3c', '8852cc27-0818-448a-8ab7-dffa2b234fed', '🔥'),
	('615ccc9a-42df-4b94-8a96-4fb3cd756448', 'd3fc6eb8-4da4-487f-8790-ccc188362d3c', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', '❤️'),
	('eaf0d2ed-bf31-4d41-84f1-46966be0bfa7', '64c6b8d1-b7dd-4df1-882f-7da099580626', '8852cc27-0818-448a-8ab7-dffa2b234fed', '🔥'),
	('254aa816-ce5c-4d85-8827-ea36b01c2623', '64c6b8d1-b7dd-4df1-882f-7da099580626', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', ':seda:'),
	('7916a659-ff07-4877-8026-b22531f53e30', '5840e9dc-b502-4728-8fc7-0467e8974b44', '8852cc27-0818-448a-8ab7-dffa2b234fed', '🔥'),
	('0015ec18-94a0-4111-826d-97b557863ecf', '5840e9dc-b502-4728-8fc7-0467e8974b44', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', '👏🏽'),
	('6a843dbe-9a13-4dad-8abd-5ccecc7b91d1', '031fd920-540b-4114-8296-ae7be5d70953', '8852cc27-0818-448a-8ab7-dffa2b234fed', '🔥'),
	('a50a7b01-77cb-48bb-8740-46beabdf1345', '031fd920-540b-4114-8296-ae7be5d70953', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', '❤'),
	('ca03f4ce-9594-4fd1-864c-be75bbe3b3cd', '6079d889-8688-4a20-810c-f9ad6c5cd841', '8852cc27-0818-448a-8ab7-dffa2b234fed', '🔥'),
	('a935eaee-8eea-4bd5-8287-52d35e49c257', '6079d889-8688-4a20-810c-f9ad6c5cd841', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', '❤️'),
	('2ce86355-7c68-4344-8b40-e823ce34c25b', '41b73830-1632-43a6-8d89-5604aa2647ba', '8852cc27-0818-448a-8ab7-dffa2b234fed', '🔥'),
	('f4ec82a4-5198-409b-88a1-a52f64de674b', '41b73830-1632-43a6-8d89-5604aa2647ba', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', ':seda:'),
	('0d7e1603-6e66-44b5-85c1-2155fe6ce8fe', '083734f0-6a0b-4850-85ca-ff0757d102c6', '8852cc27-0818-448a-8ab7-dffa2b234fed', '🔥'),
	('85dd0a06-f7a8-40f6-812f-513ae7a1f006', '083734f0-6a0b-4850-85ca-ff0757d102c6', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', '👏🏽'),
	('c0322caf-b084-45eb-804c-0f28cee771f9', 'b8a40f8c-3c19-4861-81f8-bbda49d14773', '8852cc27-0818-448a-8ab7-dffa2b234fed', '🔥'),
	('cc27657e-35bc-400c-8813-cdc5060ac443', 'b8a40f8c-3c19-4861-81f8-bbda49d14773', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', '❤'),
	('0880ca61-b69f-43db-8693-1ea0f3320347', '2187964e-aafa-4f6f-8b55-400bad8e0b5b', '8852cc27-0818-448a-8ab7-dffa2b234fed', '🔥'),
	('007f95b8-3cfd-4aa1-8978-a1ba0b8f2b9c', '2187964e-aafa-4f6f-8b55-400bad8e0b5b', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', '❤️'),
	('944f5feb-f0ef-4f5f-8d43-cc477b808bf4', 'fce8185e-daa9-4030-8dbf-dbc0057bfda1', '8852cc27-0818-448a-8ab7-dffa2b234fed', '🔥'),
	('1ae0f166-cf43-4a0a-8466-e1b041dc4c39', 'fce8185e-daa9-4030-8dbf-dbc0057bfda1', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', ':seda:'),
	('8c642510-a414-47e2-85f4-fc90e7687615', 'f788928c-9aee-4a5a-8ccd-d278e6a48d1f', '8852cc27-0818-448a-8ab7-dffa2b234fed', '🔥'),
	('903ee071-f052-47c9-8872-41b2a5f3978d', 'f788928c-9aee-4a5a-8ccd-d278e6a48d1f', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', '👏🏽'),
	('50a189f5-549b-42fd-810c-9aeec5158c76', 'ae27fc4e-b0b8-4f8b-8b39-0ebceae746c8', '8852cc27-0818-448a-8ab7-dffa2b234fed', '🔥'),
	('52123448-6366-4ea9-8e64-bb8a71654ee5', 'ae27fc4e-b0b8-4f8b-8b39-0ebceae746c8', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', '❤'),
	('cd5cab72-7231-4c56-86a7-00ace2bd067a', '8cbd9e6a-2e94-4896-8420-f847a651e594', '8852cc27-0818-448a-8ab7-dffa2b234fed', '🔥'),
	('9df7ff9d-0892-4b46-8dbe-9a68fff43e18', '8cbd9e6a-2e94-4896-8420-f847a651e594', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', '❤️'),
	('d6e8b9ed-d4c6-4eb5-8254-7e29f70bf142', '31eaa78e-b3f8-465a-80ac-6a31bd4f2f3a', '8852cc27-0818-448a-8ab7-dffa2b234fed', '🔥'),
	('2a292dc1-6325-4c23-8a95-6f7ecaf38bce', '31eaa78e-b3f8-465a-80ac-6a31bd4f2f3a', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', ':seda:'),
	('c5feb0bb-1019-4bea-8852-e5a02809d2d8', '16a1bdc1-6f36-4242-8699-36a2c237c356', '6c45041c-d446-4325-8f82-dec98584d7b5', '🔥'),
	('11c96ecd-462f-421d-8bb1-4d1335ad48f2', '16a1bdc1-6f36-4242-8699-36a2c237c356', '17a26760-e6a5-4551-8963-0d855964e04e', '❤️'),
	('b3a5903e-5c9c-4c36-8028-340da7fa86bf', '2a1e978f-8897-498f-8c72-b827bf2634e3', '6c45041c-d446-4325-8f82-dec98584d7b5', '🔥'),
	('5e0c9625-d786-4e5e-8cb8-dd140ee921f9', '2a1e978f-8897-498f-8c72-b827bf2634e3', '17a26760-e6a5-4551-8963-0d855964e04e', ':seda:'),
	('279e55c4-bd85-4333-8c1d-976788f7896e', '6808dbc1-b865-4ab2-8626-f274145bcd0a', '6c45041c-d446-4325-8f82-dec98584d7b5', '🔥'),
	('a7fd8d38-7950-4022-8930-dc1382e62294', '6808dbc1-b865-4ab2-8626-f274145bcd0a', '17a26760-e6a5-4551-8963-0d855964e04e', '👏🏽'),
	('b1f3889f-f06d-4318-81f8-6799cac15402', 'fca51356-27dc-4ed6-8052-fe4044dc6bfe', '6c45041c-d446-4325-8f82-dec98584d7b5', '🔥'),
	('52c8fcb1-fdb0-4e90-8a9a-f10e03f1f11d', 'fca51356-27dc-4ed6-8052-fe4044dc6bfe', '17a26760-e6a5-4551-8963-0d855964e04e', '❤'),
	('37659c50-d40a-4248-8638-dca5d672a7ba', '0e8554ef-d2b0-40a3-8430-cf0e5d527b67', '6c45041c-d446-4325-8f82-dec98584d7b5', '🔥'),
	('65eb71b2-6680-4b2c-8c64-02f756775dbd', '0e8554ef-d2b0-40a3-8430-cf0e5d527b67', '17a26760-e6a5-4551-8963-0d855964e04e', '❤️'),
	('84e144a6-8c60-415e-8224-ba6551568c84', '73df24d3-8d7f-42fc-8255-7e6e321d3c7d', '6c45041c-d446-4325-8f82-dec98584d7b5', '🔥'),
	('20978cb3-67b5-495e-898c-bd1d5e071273', '73df24d3-8d7f-42fc-8255-7e6e321d3c7d', '17a26760-e6a5-4551-8963-0d855964e04e', ':seda:'),
	('2669621a-1ff0-41c5-8f05-ee9540d68a45', '0a6c257b-c35e-4f2f-80da-2b9bf5f4a0de', '6c45041c-d446-4325-8f82-dec98584d7b5', '🔥'),
	('f3c23c6e-1f2b-4e89-83af-000cfca2a2f4', '0a6c257b-c35e-4f2f-80da-2b9bf5f4a0de', '17a26760-e6a5-4551-8963-0d855964e04e', '👏🏽'),
	('3cf6e471-2aa2-4fd8-8311-a4f670c1da9a', 'e9b41b9e-3ec1-4f38-8938-b16492c5fc21', '6c45041c-d446-4325-8f82-dec98584d7b5', '🔥'),
	('20df2c76-e1d6-4a10-8199-2fa8304de727', 'e9b41b9e-3ec1-4f38-8938-b16492c5fc21', '17a26760-e6a5-4551-8963-0d855964e04e', '❤'),
	('917dffd9-f3e4-4090-8cea-90177554bfda', '65d87a0a-3353-42fa-8b0f-bf02eb7246a1', '6c45041c-d446-4325-8f82-dec98584d7b5', '🔥'),
	('b5306704-d946-4b31-8e66-e95f8d6eef45', '65d87a0a-3353-42fa-8b0f-bf02eb7246a1', '17a26760-e6a5-4551-8963-0d855964e04e', '❤️'),
	('4b862660-72d6-4b56-8990-aa1a1c360a4a', '6c64cee1-6cf9-48d1-8f7c-d45bb71fcd00', '6c45041c-d446-4325-8f82-dec98584d7b5', '🔥'),
	('5bc83104-f22e-4f44-8e2b-6da28bb92f93', '6c64cee1-6cf9-48d1-8f7c-d45bb71fcd00', '17a26760-e6a5-4551-8963-0d855964e04e', ':seda:'),
	('95a107fd-2a6a-4966-8aa1-1a2a00440a5e', 'f889af90-94c8-4f85-82f7-28e3c70caafa', '6c45041c-d446-4325-8f82-dec98584d7b5', '🔥'),
	('114a4ba4-4f70-4ed0-8e77-c37a79a155b6', 'f889af90-94c8-4f85-82f7-28e3c70caafa', '17a26760-e6a5-4551-8963-0d855964e04e', '👏🏽'),
	('8bc5c2b7-d638-4aad-81c1-e15122c4e16b', '9774ffdf-9348-4f68-8a82-f23e9fbce0a4', '6c45041c-d446-4325-8f82-dec98584d7b5', '🔥'),
	('f5daac38-2cea-4c71-80c2-0d32c93374db', '9774ffdf-9348-4f68-8a82-f23e9fbce0a4', '17a26760-e6a5-4551-8963-0d855964e04e', '❤'),
	('5c8ca151-e2f2-485a-8352-66d5cd061843', 'a3657b23-c611-465f-8baa-f417c9cbfde4', '6c45041c-d446-4325-8f82-dec98584d7b5', '🔥'),
	('7ebb40d3-44d8-4f11-8a71-1cb76c737fdd', 'a3657b23-c611-465f-8baa-f417c9cbfde4', '17a26760-e6a5-4551-8963-0d855964e04e', '❤️'),
	('59804c3d-d75f-4f3d-8b71-1f14f1dbcae5', '08d4f73c-53de-44e4-892b-08fe193b0510', '6c45041c-d446-4325-8f82-dec98584d7b5', '🔥'),
	('522a0840-50b2-4058-8df3-188afef1dd79', '08d4f73c-53de-44e4-892b-08fe193b0510', '17a26760-e6a5-4551-8963-0d855964e04e', ':seda:'),
	('d686c358-4156-4fa7-88fc-b3e46a4ec217', '9c2f7b67-f7eb-4752-8007-a066ce199ace', '3dcbc403-b16b-48d9-8e2a-ba7006773333', '🔥'),
	('915c204a-4252-4a59-88f1-b81a8ff12af1', '9c2f7b67-f7eb-4752-8007-a066ce199ace', '5467106b-e655-49c3-8937-65948e224c84', '❤️'),
	('459210ad-2085-4ee9-878c-8253ae0d9a03', 'dc875c86-52fb-4406-83bd-1f0c0a2bc8d9', '3dcbc403-b16b-48d9-8e2a-ba7006773333', '🔥'),
	('ad877596-0a5c-457a-86c4-1e50e16f6ca3', 'dc875c86-52fb-4406-83bd-1f0c0a2bc8d9', '5467106b-e655-49c3-8937-65948e224c84', ':seda:'),
	('98d363ef-353a-4940-8ccd-71f69fa822f0', 'bf991a59-0ac5-44cb-8f7f-c0ada4eaf2e0', '3dcbc403-b16b-48d9-8e2a-ba7006773333', '🔥'),
	('c5d38c6b-cde7-444b-8185-bb568e1929c0', 'bf991a59-0ac5-44cb-8f7f-c0ada4eaf2e0', '5467106b-e655-49c3-8937-65948e224c84', '👏🏽'),
	('25c519db-b547-4050-8704-75d5e6e48461', 'bf2fe1b7-792c-4cc2-8b41-a05f8a79a95a', '3dcbc403-b16b-48d9-8e2a-ba7006773333', '🔥'),
	('12782541-24f3-4b83-873a-45e7c79002f7', 'bf2fe1b7-792c-4cc2-8b41-a05f8a79a95a', '5467106b-e655-49c3-8937-65948e224c84', '❤'),
	('d7e88931-c829-4726-8a93-a74392cfe86a', '07496ff9-756c-45d2-8d3c-276392f21209', '3dcbc403-b16b-48d9-8e2a-ba7006773333', '🔥'),
	('3c469db2-ff7a-46f7-81d6-77d6392c43c1', '07496ff9-756c-45d2-8d3c-276392f21209', '5467106b-e655-49c3-8937-65948e224c84', '❤️'),
	('486c4490-a965-455a-86c3-ff60d7d626e3', '2734e77b-4c8c-4a96-8312-dcb7d33198b0', '3dcbc403-b16b-48d9-8e2a-ba7006773333', '🔥'),
	('517245df-c2f6-428f-8de4-de77adc3c029', '2734e77b-4c8c-4a96-8312-dcb7d33198b0', '5467106b-e655-49c3-8937-65948e224c84', ':seda:'),
	('449b62a5-4aee-4a65-8261-38278a38269d', '1d757799-3d78-4af1-8e50-3fcc09aa8635', '3dcbc403-b16b-48d9-8e2a-ba7006773333', '🔥'),
	('2bc72cff-f2d4-488e-8f8f-3811f8f0f62a', '1d757799-3d78-4af1-8e50-3fcc09aa8635', '5467106b-e655-49c3-8937-65948e224c84', '👏🏽'),
	('464237a9-a996-417a-8c60-b0f872e97f60', 'a316208f-9dd9-4d97-835e-df00d7d94f43', '3dcbc403-b16b-48d9-8e2a-ba7006773333', '🔥'),
	('f1a3c0fb-5190-471d-8b69-9b8bc2ddabfe', 'a316208f-9dd9-4d97-835e-df00d7d94f43', '5467106b-e655-49c3-8937-65948e224c84', '❤'),
	('21e44bb6-73a4-466c-81df-bfd8b18815d3', 'a34cf1df-6e92-499a-88d5-f611d3a38e34', '3dcbc403-b16b-48d9-8e2a-ba7006773333', '🔥'),
	('79c6db98-4444-4056-886e-3092ced495e4', 'a34cf1df-6e92-499a-88d5-f611d3a38e34', '5467106b-e655-49c3-8937-65948e224c84', '❤️'),
	('b2045769-9bb2-4871-8d10-24808285b723', '1176dd21-b12a-4363-8754-3b9af1292fcf', '3dcbc403-b16b-48d9-8e2a-ba7006773333', '🔥'),
	('ceb54be2-0e66-4897-8b30-90ae6e2a7606', '1176dd21-b12a-4363-8754-3b9af1292fcf', '5467106b-e655-49c3-8937-65948e224c84', ':seda:'),
	('2b900802-623d-411f-8827-ce33ed06a03d', '4e0e5898-79a5-4739-83a2-f86890c66e9c', '3dcbc403-b16b-48d9-8e2a-ba7006773333', '🔥'),
	('9aa898d1-7141-43db-865b-a8127af66767', '4e0e5898-79a5-4739-83a2-f86890c66e9c', '5467106b-e655-49c3-8937-65948e224c84', '👏🏽'),
	('c078edf1-dff4-4508-81a5-a6071253defb', '1ea3f76b-e187-4f66-8c3a-8b870442a9f0', '3dcbc403-b16b-48d9-8e2a-ba7006773333', '🔥'),
	('d1b2e4af-0a02-4923-8b76-7bc5da6f22c8', '1ea3f76b-e187-4f66-8c3a-8b870442a9f0', '5467106b-e655-49c3-8937-65948e224c84', '❤'),
	('2f31a687-869a-4473-862c-3ab78b39b301', 'a0da75e6-be7f-49fa-87e4-4a5873c92eb7', '3dcbc403-b16b-48d9-8e2a-ba7006773333', '🔥'),
	('404dfb1c-ed3e-41c9-84c9-f90a7c192225', 'a0da75e6-be7f-49fa-87e4-4a5873c92eb7', '5467106b-e655-49c3-8937-65948e224c84', '❤️'),
	('7cf2a88d-de76-4585-8665-e00d38428efe', 'ac16b76c-68e1-4a6f-8fde-664637e478aa', '3dcbc403-b16b-48d9-8e2a-ba7006773333', '🔥'),
	('a13c17fa-5d0a-479f-8d16-9bca5eb8dbd4', 'ac16b76c-68e1-4a6f-8fde-664637e478aa', '5467106b-e655-49c3-8937-65948e224c84', ':seda:'),
	('c6fb608f-3fdb-4add-8c8e-b460618001ed', '11188bd5-f50e-4804-8fc1-d4387618a3c4', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', '🔥'),
	('72dcc850-3fb5-45c3-896d-fde0f20dfa4f', '11188bd5-f50e-4804-8fc1-d4387618a3c4', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', 'great'),
	('f9b3214c-1b62-4fa4-84bb-1c42960178e3', '83b23306-07fe-4f81-8ce6-d24249dea373', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', '🔥');
INSERT INTO public.room_memberships VALUES
	('e6f7163a-5165-4952-8194-79d4b5256625', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', false),
	('9bcd7453-565e-419c-86d1-ba71ef2d026d', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', true),
	('6bd46c25-4157-4e87-82f5-fd08afe4b4ad', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', false),
	('a6e72392-8c2f-488c-8b3d-c2cfd6432be2', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'ab5d228a-c2ee-450f-8756-ecbc14665748', false),
	('869740ff-b8cb-4c26-8090-b174d722ce92', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'fa4c5984-5f8d-4540-8565-c1b5cc19b3cb', false),
	('ee7fd461-393a-432f-898b-54623a185753', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '2727e829-ca05-4c1d-8914-cc75ab3dfa1b', false),
	('5564c6ae-e5d3-4bb1-84e0-2c3bc42e9da2', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', '1a05388e-5acf-480a-817b-618e0af9c51e', false),
	('389817ee-8156-4c3d-8723-19f918fd8ef8', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'f647c755-9206-4baf-8577-13c58d18b48b', false),
	('49acbbed-40fa-4d38-8df2-bad0d0fc79bb', 'b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', false),
	('5c1285d9-a2ad-45de-81aa-1d201f308eb7', 'a924e94e-4279-40a0-8381-0b3edc81119d', '1a05388e-5acf-480a-817b-618e0af9c51e', false),
	('e63a1014-9bc5-4918-8275-4a80e2d1fa78', 'a924e94e-4279-40a0-8381-0b3edc81119d', 'f647c755-9206-4baf-8577-13c58d18b48b', true),
	('267c9262-dd34-4b6a-8fa5-1d90f9f6e5e7', 'a924e94e-4279-40a0-8381-0b3edc81119d', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', false),
	('55fc87e2-d7ff-4437-80a5-9a7b971357bf', 'a924e94e-4279-40a0-8381-0b3edc81119d', '9e81f170-b542-4f54-8e7e-55c32d2f34c6', false),
	('7a315caa-8f69-4234-8cf3-5cc7074c3350', 'a924e94e-4279-40a0-8381-0b3edc81119d', '5bd2528e-16ff-4228-88dd-2cbc8445d03c', false),
	('cff56968-9409-4e3d-8cd7-ed0e04c9aaba', 'a924e94e-4279-40a0-8381-0b3edc81119d', '6936da49-ba43-4836-8211-e29a2f17606f', false),
	('0a412f05-2083-4730-8207-b966cedb5104', 'a924e94e-4279-40a0-8381-0b3edc81119d', '4afaea2e-67bf-4ed1-8aed-665982583d31', false),
	('4f84dff8-3f2f-4ca8-8981-14907ed21ce8', 'a924e94e-4279-40a0-8381-0b3edc81119d', '8852cc27-0818-448a-8ab7-dffa2b234fed', false),
	('b3411c9c-36a5-47b0-8704-79f3f937d2a8', 'a924e94e-4279-40a0-8381-0b3edc81119d', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', false),
	('4a981ca4-f2d3-430b-8ac6-8b7367196410', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '4afaea2e-67bf-4ed1-8aed-665982583d31', false),
	('d299f8c3-be70-421c-8e90-1884aa04fb00', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '8852cc27-0818-448a-8ab7-dffa2b234fed', true),
	('efb087c8-3634-4ae2-85c0-d0cc4f9a9ccf', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', false),
	('70ecd42e-d708-4c35-808c-59d7ab35810a', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', 'aae2c9ea-2269-4147-879d-e84c7a37eaa8', false),
	('62b1fe2a-8274-487c-8a1a-fca1dd96ede8', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '735b3ad3-d79c-4635-834a-6d2ad45a28bd', false),
	('48a42461-8719-484c-8bcd-792782273aa9', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '7372b7bc-3741-4048-8692-8527b3938d65', false),
	('8994820a-95d9-457b-8234-755310e5f88c', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '29ae1d83-b3c1-4c38-8746-4d421c8a6d11', false),
	('d3b59152-7ca4-4903-8ddc-48b953f5ba9e', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', '6c45041c-d446-4325-8f82-dec98584d7b5', false),
	('99299a1c-d069-43b5-89c7-678fc87031dc', 'c4a9cd19-5a12-4764-8d69-ae91b48faea3', 'ae69a197-9f40-42aa-8a49-7a4c2d08413e', false),
	('5dd85cad-e1a8-4953-8224-18631548a934', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '29ae1d83-b3c1-4c38-8746-4d421c8a6d11', false),
	('e6a9ca76-9fe9-4ade-8418-bd213e727315', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '6c45041c-d446-4325-8f82-dec98584d7b5', true),
	('b406420e-cfef-4b71-88ad-4a9815aa3ee2', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '17a26760-e6a5-4551-8963-0d855964e04e', false),
	('f016b1e8-a6bd-4e80-817a-4f84249c6a9d', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', 'defe16f3-2605-4f74-84b9-35ff3a59d310', false),
	('586ec7f7-b652-409f-8931-11046ffb3c98', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '04944441-d0e7-457e-82fb-8246a60b2739', false),
	('da2f2f0b-c715-44fc-8d78-b03a9f8543da', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '2eb2363e-cd38-4ec8-88ff-7e9bfece89a0', false),
	('178dff84-4003-4cd5-8e63-cc10e9169cb5', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '2b7003bb-17de-4853-8d4e-db466f118c3a', false),
	('dafd5477-d234-48e2-8a2d-dab865053974', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '3dcbc403-b16b-48d9-8e2a-ba7006773333', false),
	('dfa92da4-5a69-42cf-8de1-be24d5f06e64', '5c905c02-caa1-4c98-82a9-785c28ccb3ad', '17a26760-e6a5-4551-8963-0d855964e04e', false),
	('d65a6bf1-16e0-4cea-8d66-288931bbc1df', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '2b7003bb-17de-4853-8d4e-db466f118c3a', false),
	('464da5b9-19eb-46b3-86a0-812be1386eaa', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '3dcbc403-b16b-48d9-8e2a-ba7006773333', true),
	('46791fe5-d8fe-423b-8083-3698357a6042', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '5467106b-e655-49c3-8937-65948e224c84', false),
	('9f1fc35e-d943-471b-8d93-9fa3a52ad576', 'c3671fa3-5756-4c99-83e7-607054d51b3c', 'f4399c36-f7a4-4470-8e9f-d24df0ac01f6', false),
	('63c67f65-7937-4ec6-885d-6f80e6bab68c', 'c3671fa3-5756-4c99-83e7-607054d51b3c', 'd30ffe53-f4b3-435a-8353-a37699a1212b', false),
	('75272e18-fe18-4d22-8868-8dd4660d26ab', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '499d1978-faa3-4bc6-8f5b-dd3709fc4396', false),
	('eefa94f5-6bda-401c-814c-74d93957870d', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '6d14dae3-57b7-4e6b-812f-c953778f1d8f', false),
	('06226a85-8cac-4fdb-818e-1cf490ce14c5', 'c3671fa3-5756-4c99-83e7-607054d51b3c', 'bb9836f5-e2ce-456d-859b-9a4556283bc0', false),
	('ed09106b-a538-4a62-8cde-7857b24f2208', 'c3671fa3-5756-4c99-83e7-607054d51b3c', '5467106b-e655-49c3-8937-65948e224c84', false);
INSERT INTO public.rooms VALUES
	('b3e8ccc0-0e9c-41cd-8e66-fb060cfa4e85', 'Room 0 ☕', 'About genre 0', false, '6d14dae3-57b7-4e6b-812f-c953778f1d8f', '2025-01-01 08:20:00'),
	('a924e94e-4279-40a0-8381-0b3edc81119d', 'Room 1 ☕', NULL, false, '1a05388e-5acf-480a-817b-618e0af9c51e', '2025-01-01 08:21:00'),
	('c4a9cd19-5a12-4764-8d69-ae91b48faea3', 'Room 2 ☕', 'About genre 2', true, '4afaea2e-67bf-4ed1-8aed-665982583d31', '2025-01-01 08:22:00'),
	('5c905c02-caa1-4c98-82a9-785c28ccb3ad', 'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn', NULL, false, 'nobody', '2025-01-01 08:23:00'),
	('c3671fa3-5756-4c99-83e7-607054d51b3c', ' ', 'About genre 4', false, '2b7003bb-17de-4853-8d4e-db466f118c3a', '2025-01-01 08:24:00');
INSERT INTO public.track_refs VALUES
	('bafecc7b-a1e0-4df0-83ec-4f4498fff16f', 'spotify', 'bafecc7ba1e0bdf013ec4f', 'https://open.spotify.com/track/bafecc7ba1e0bdf013ec4f?si=0', 'Song 0', 'Velvet Sea', 'https://i.scdn.co/image/7a0fdbc2047e533e8805bd1d1548ad37', 180, '2025-01-01 05:00:00'),
	('486e3cf5-f84d-47c7-8ea2-a364a991b146', 'spotify', '486e3cf5f84d97c71ea2a3', 'https://open.spotify.com/track/486e3cf5f84d97c71ea2a3?si=1', 'Song 1', '夜の海', 'https://i.scdn.co/image/1ff07174d774ea8f9e5cdaa90ffbd118', 181, '2025-01-01 05:01:00'),
	('db0cc456-b22d-428b-87b2-248fdd588fd6', 'spotify', 'db0cc456b22dd28b77b224', 'https://open.spotify.com/track/db0cc456b22dd28b77b224?si=2', 'Song 2', 'Velvet Sea', 'https://i.scdn.co/image/902062f67ca52907590e4a0f3aa8821b', 182, '2025-01-01 05:02:00'),
	('85f258b4-53fc-46e7-89fb-aae496219432', 'spotify', '85f258b453fcb6e7e9fbaa', 'https://open.spotify.com/track/85f258b453fcb6e7e9fbaa?si=3', 'Song 3', '夜の海', 'https://i.scdn.co/image/4e0a7df8a280e79b79194d8db375ea68', 183, '2025-01-01 05:03:00'),
	('e4311e55-44f1-4b70-85d4-cb3b15ad4b2b', 'spotify', 'e4311e5544f13b70f5d4cb', 'https://open.spotify.com/track/e4311e5544f13b70f5d4cb?si=4', 'Song 4', 'Velvet Sea', 'https://i.scdn.co/image/dbc76f3f499285eb8edf48de1035ba50', 184, '2025-01-01 05:04:00'),
	('0d6ab7ef-1c67-4573-8c73-b7c47fa271db', 'spotify', '0d6ab7ef1c67b5739c73b7', 'https://open.spotify.com/track/0d6ab7ef1c67b5739c73b7?si=5', 'Song 5', '夜の海', 'https://i.scdn.co/image/bb47988045711a6b88a6438303f0b7a9', 185, '2025-01-01 05:05:00'),
	('81b79787-4cc1-4904-89d6-c7e6fff14189', 'spotify', '81b797874cc1e90479d6c7', 'https://open.spotify.com/track/81b797874cc1e90479d6c7?si=6', 'Song 6', 'Velvet Sea', 'https://i.scdn.co/image/fd980ac3e63403578111c10fa07d2b4d', 186, '2025-01-01 05:06:00'),
	('b1f4720d-1efa-4ffa-828d-c00ec3df53f3', 'spotify', 'b1f4720d1efa7ffa528dc0', 'https://open.spotify.com/track/b1f4720d1efa7ffa528dc0?si=7', 'Song 7', '夜の海', 'https://i.scdn.co/image/266381d3afe79fb2d24a58c08d10ede0', 187, '2025-01-01 05:07:00'),
	('d4338da3-ce93-401d-8f4b-61774ec21a7e', 'spotify', 'd4338da3ce93701dbf4b61', 'https://open.spotify.com/track/d4338da3ce93701dbf4b61?si=8', 'Song 8', 'Velvet Sea', 'https://i.scdn.co/image/39999d4a0a3d7e0cb815961591dfe902', 188, '2025-01-01 05:08:00'),
	('f711c262-971f-487b-8c95-5af0eb2636e4', 'spotify', 'f711c262971fa87b3c955a', 'https://open.spotify.com/track/f711c262971fa87b3c955a?si=9', 'Song 9', '夜の海', 'https://i.scdn.co/image/53bcde379e868d21b497d1db6956dd22', 189, '2025-01-01 05:09:00'),
	('9590b8e1-4c71-4a77-886d-e2c4164c80d1', 'spotify', '9590b8e14c71fa77c86de2', 'https://open.spotify.com/track/9590b8e14c71fa77c86de2?si=10', 'Song 10', 'Velvet Sea', 'https://i.scdn.co/image/4ca992407aa4274d4852bee52fd40515', 190, '2025-01-01 05:10:00'),
	('779b7cf1-bb4a-4901-83a3-64b51d985a01', 'spotify', '779b7cf1bb4ae90193a364', 'https://open.spotify.com/track/779b7cf1bb4ae90193a364?si=11', 'Song 11', '夜の海', 'https://i.scdn.co/image/4c92764ea8ad54b86c19af3f2a15b24f', 191, '2025-01-01 05:11:00'),
	('cf4446de-8909-415e-810b-13d4c245a62d', 'youtube', 'dQw4w9WgXcQ', 'https://www.youtube.com/watch?v=dQw4w9WgXcQ', 'A video', 'Someone', NULL, NULL, '2025-01-01 05:20:00'),
	('d2d87dbb-95ad-4384-8bd0-0a6a6c8c4fe1', 'youtube', 'youtu.be/dQw4w9WgXcQ', 'https://youtu.be/dQw4w9WgXcQ', 'The same video', 'Someone', NULL, NULL, '2025-01-01 05:21:00'),
	('77300e82-e19c-4c64-8e27-686fd00f2d51', 'apple', '1440857781', 'https://music.apple.com/de/album/x/1440857777?i=1440857781', 'Song', 'Band', NULL, 0, '2025-01-01 05:22:00'),
	('b4646135-7e2d-4fbd-8ab5-9419af8f904e', 'apple', 'x', 'https://music.apple.com/de/album/x/1440857777', 'Album', 'Band', NULL, NULL, '2025-01-01 05:23:00');
INSERT INTO public.users VALUES
	('6d14dae3-57b7-4e6b-812f-c953778f1d8f', 'listener0@example.test', 'a442709a-8a78-4fa0-838d-fec1c869198a', 'ADMIN', NULL, '2025-01-01 00:00:00', '2025-01-01 00:05:00'),
	('bb9836f5-e2ce-456d-859b-9a4556283bc0', 'listener1@example.test', '8f8e2895-d99a-4a17-8eef-77bffda45673', 'MODERATOR', NULL, '2025-01-01 00:01:00', '2025-01-01 00:06:00'),
	('c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', 'listener2@example.test', '855c5a57-f77f-40b3-8cff-7d6f660f2cd7', 'ARTIST', NULL, '2025-01-01 00:02:00', '2025-01-01 00:07:00'),
	('ab5d228a-c2ee-450f-8756-ecbc14665748', 'listener3@example.test', '2a1c8d04-c3f6-433e-807c-1fb56ecf35b5', 'ARTIST', NULL, '2025-01-01 00:03:00', '2025-01-01 00:08:00'),
	('fa4c5984-5f8d-4540-8565-c1b5cc19b3cb', 'listener4@example.test', '080247d4-ca8f-4893-8948-c242b39bc0b7', 'ARTIST', NULL, '2025-01-01 00:04:00', '2025-01-01 00:09:00'),
	('2727e829-ca05-4c1d-8914-cc75ab3dfa1b', 'listener5@example.test', '1746fa49-e603-498e-8055-a3c0519f8df4', 'ARTIST', NULL, '2025-01-01 00:05:00', '2025-01-01 00:10:00'),
	('1a05388e-5acf-480a-817b-618e0af9c51e', 'listener6@example.test', '75f3f100-7d1e-4398-838b-728cdf4f6569', 'ARTIST', NULL, '2025-01-01 00:06:00', '2025-01-01 00:11:00'),
	('f647c755-9206-4baf-8577-13c58d18b48b', 'listener7@example.test', '7be2657b-a8d4-4ebe-8c8f-6adb1646319a', 'ARTIST', NULL, '2025-01-01 00:07:00', '2025-01-01 00:12:00'),
	('bc0b6669-0f6e-4fb2-877e-21e5914778b3', 'listener8@example.test', '0bde1284-6ff3-4553-8b53-b127f1073b50', 'ARTIST', NULL, '2025-01-01 00:08:00', '2025-01-01 00:13:00'),
	('9e81f170-b542-4f54-8e7e-55c32d2f34c6', 'listener9@example.test', '6600f177-0c71-49ed-827f-e6324a594d64', 'ARTIST', NULL, '2025-01-01 00:09:00', '2025-01-01 00:14:00'),
	('5bd2528e-16ff-4228-88dd-2cbc8445d03c', 'listener10@example.test', '755b8ccf-d6ab-4f40-873d-88f8381d1f17', 'USER', NULL, '2025-01-01 00:10:00', '2025-01-01 00:15:00'),
	('6936da49-ba43-4836-8211-e29a2f17606f', 'listener11@example.test', '19b7f71f-b058-4341-8f6d-d3b668c7815b', 'USER', NULL, '2025-01-01 00:11:00', '2025-01-01 00:16:00'),
	('4afaea2e-67bf-4ed1-8aed-665982583d31', 'listener12@example.test', '818dd782-69f5-402f-8cc1-7d594b6db711', 'USER', NULL, '2025-01-01 00:12:00', '2025-01-01 00:17:00'),
	('8852cc27-0818-448a-8ab7-dffa2b234fed', 'listener13@example.test', '55548f0b-a42f-463f-8420-55aa2735142c', 'USER', NULL, '2025-01-01 00:13:00', '2025-01-01 00:18:00'),
	('ae69a197-9f40-42aa-8a49-7a4c2d08413e', 'listener14@example.test', 'b02a1686-3b30-40e3-8994-b69b8af1cd2a', 'USER', NULL, '2025-01-01 00:14:00', '2025-01-01 00:19:00'),
	('aae2c9ea-2269-4147-879d-e84c7a37eaa8', 'listener15@example.test', '9540933e-547c-4dc7-8816-200c2fc47688', 'USER', NULL, '2025-01-01 00:15:00', '2025-01-01 00:20:00'),
	('735b3ad3-d79c-4635-834a-6d2ad45a28bd', 'listener16@example.test', '0c4553a8-f13e-409c-8011-6fd68c0aad85', 'USER', NULL, '2025-01-01 00:16:00', '2025-01-01 00:21:00'),
	('7372b7bc-3741-4048-8692-8527b3938d65', 'listener17@example.test', '6d536fd3-6993-44fe-84c4-0d7497873dcb', 'USER', NULL, '2025-01-01 00:17:00', '2025-01-01 00:22:00'),
	('29ae1d83-b3c1-4c38-8746-4d421c8a6d11', 'listener18@example.test', '4e5cd6a5-9599-4dcc-8c9c-461ac739142c', 'USER', NULL, '2025-01-01 00:18:00', '2025-01-01 00:23:00'),
	('6c45041c-d446-4325-8f82-dec98584d7b5', 'listener19@example.test', '64be3049-0f0e-49fc-8aa2-27aa9fc36240', 'USER', NULL, '2025-01-01 00:19:00', '2025-01-01 00:24:00'),
	('17a26760-e6a5-4551-8963-0d855964e04e', 'listener20@example.test', '26a93d1b-0be1-43d1-8c3a-14dedcf3ac7f', 'USER', '2099-01-01 00:00:00', '2025-01-01 00:20:00', '2025-01-01 00:25:00'),
	('defe16f3-2605-4f74-84b9-35ff3a59d310', 'listener21@example.test', '9e70d4b7-3377-4163-8512-4ae2d4660340', 'USER', NULL, '2025-01-01 00:21:00', '2025-01-01 00:26:00'),
	('04944441-d0e7-457e-82fb-8246a60b2739', 'listener22@example.test', '998ae755-362c-4b5c-8aca-f669b7a9b9e3', 'USER', NULL, '2025-01-01 00:22:00', '2025-01-01 00:27:00'),
	('2eb2363e-cd38-4ec8-88ff-7e9bfece89a0', 'listener23@example.test', 'd18733c3-c9a1-4b6c-8453-c57f5b14f4e1', 'USER', NULL, '2025-01-01 00:23:00', '2025-01-01 00:28:00'),
	('2b7003bb-17de-4853-8d4e-db466f118c3a', 'listener24@example.test', '4f54aaf7-1500-4fdf-8caa-8a977d7df078', 'USER', NULL, '2025-01-01 00:24:00', '2025-01-01 00:29:00'),
	('3dcbc403-b16b-48d9-8e2a-ba7006773333', 'listener25@example.test', 'f194c4de-627a-4aa2-8a7e-4865e868e61e', 'USER', NULL, '2025-01-01 00:25:00', '2025-01-01 00:30:00'),
	('5467106b-e655-49c3-8937-65948e224c84', 'listener26@example.test', '930446f7-f883-4875-85cd-f5adaf591ad5', 'USER', NULL, '2025-01-01 00:26:00', '2025-01-01 00:31:00'),
	('f4399c36-f7a4-4470-8e9f-d24df0ac01f6', 'listener27@example.test', '4ffc8532-132d-4cdb-8bb1-e49d45602dab', 'USER', NULL, '2025-01-01 00:27:00', '2025-01-01 00:32:00'),
	('d30ffe53-f4b3-435a-8353-a37699a1212b', 'listener28@example.test', 'eee61bee-f75d-4441-89d8-cfeced8bf8cd', 'USER', NULL, '2025-01-01 00:28:00', '2025-01-01 00:33:00'),
	('499d1978-faa3-4bc6-8f5b-dd3709fc4396', 'listener29@example.test', 'd8a2c01e-ce14-4ffc-88dc-2b7bcf571167', 'USER', NULL, '2025-01-01 00:29:00', '2025-01-01 00:34:00'),
	('1ab53537-4528-44ba-830f-ad8ae33f68ca', 'Listener3@Example.Test', 'def6b27e-5874-402d-89ab-85efb91f9c71', 'USER', NULL, '2026-11-30 02:28:03.105', '2026-11-30 02:28:03.105');
INSERT INTO public.verification_requests VALUES
	('784ff4d7-8389-4592-8dd4-c96af5682555', 'c1a14abf-ddf5-4f4c-8c6c-5a3c04b98149', 'seda-verify-velvetseavelvetseavelvetse', 'APPROVED', 'https://velvet.example.com/', '2025-01-01 03:20:00'),
	('c0eb4e35-442b-4c61-8797-ff43f6e2f5fe', 'ab5d228a-c2ee-450f-8756-ecbc14665748', 'SEDA-0001', 'APPROVED', 'https://open.spotify.com/artist/06dd366b7b350efd3626d4?si=1', '2025-01-01 03:21:00'),
	('e3934b87-2573-4718-8870-11f321009b68', '2727e829-ca05-4c1d-8914-cc75ab3dfa1b', 'SEDA-0002', 'PENDING', 'https://soundcloud.com/Night-Sea', '2025-01-01 03:22:00'),
	('ffda206d-e1a4-4a7f-87f0-8c399c4c363b', '1a05388e-5acf-480a-817b-618e0af9c51e', 'SEDA-0003', 'DENIED', 'https://lantern.example.com/', '2025-01-01 03:23:00'),
	('de861046-5c25-4fc0-8f4b-11982369c9e4', '1a05388e-5acf-480a-817b-618e0af9c51e', 'SEDA-0004', 'EXPIRED', 'https://lantern.example.com/', '2025-01-01 03:24:00'),
	('88d904b6-d00a-4b0b-8d32-9ee0c6c6c679', 'f647c755-9206-4baf-8577-13c58d18b48b', 'SEDA-0005', 'ON_HOLD', 'https://copper.example.com/', '2025-01-01 03:25:00'),
	('6bc0d74a-2c29-4aaa-8a97-6ce3c1530a03', 'bc0b6669-0f6e-4fb2-877e-21e5914778b3', 'SEDA-0006', 'APPROVED', 'https://lookalike.example.com/', '2025-01-01 03:26:00'),
	('38203168-c4dd-41be-8f0f-26ebce83f9ac', 'f647c755-9206-4baf-8577-13c58d18b48b', 'SEDA-0007', 'PENDING', 'http://127.0.0.1/', '2025-01-01 03:27:00'),
	('b011a0d9-afe1-46a5-8cd2-29aa1c163b51', '4afaea2e-67bf-4ed1-8aed-665982583d31', 'SEDA-0008', 'PENDING', 'https://nobody.example.com/', '2025-01-01 03:28:00'),
	('44547638-5925-4563-8d6f-1f0965cd1ecb', '2727e829-ca05-4c1d-8914-cc75ab3dfa1b', 'SEDA-0009', 'PENDING', 'https://www.soundcloud.com/night-sea/', '2025-01-01 03:29:00');
ALTER TABLE ONLY public._prisma_migrations
    ADD CONSTRAINT _prisma_migrations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.admin_actions
    ADD CONSTRAINT admin_actions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.artist_profiles
    ADD CONSTRAINT artist_profiles_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.crawler_cache
    ADD CONSTRAINT crawler_cache_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.moderation_logs
    ADD CONSTRAINT moderation_logs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.reactions
    ADD CONSTRAINT reactions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.room_memberships
    ADD CONSTRAINT room_memberships_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.rooms
    ADD CONSTRAINT rooms_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.track_refs
    ADD CONSTRAINT track_refs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.verification_requests
    ADD CONSTRAINT verification_requests_pkey PRIMARY KEY (id);
CREATE INDEX "artist_profiles_artistName_idx" ON public.artist_profiles USING btree ("artistName");
CREATE UNIQUE INDEX "artist_profiles_userId_key" ON public.artist_profiles USING btree ("userId");
CREATE INDEX artist_profiles_verified_idx ON public.artist_profiles USING btree (verified);
CREATE UNIQUE INDEX crawler_cache_url_key ON public.crawler_cache USING btree (url);
CREATE INDEX "messages_parentId_idx" ON public.messages USING btree ("parentId");
CREATE INDEX "messages_roomId_createdAt_idx" ON public.messages USING btree ("roomId", "createdAt");
CREATE INDEX "reactions_messageId_idx" ON public.reactions USING btree ("messageId");
CREATE INDEX "room_memberships_roomId_idx" ON public.room_memberships USING btree ("roomId");
CREATE INDEX "room_memberships_userId_idx" ON public.room_memberships USING btree ("userId");
CREATE INDEX "rooms_isPrivate_idx" ON public.rooms USING btree ("isPrivate");
CREATE INDEX track_refs_provider_idx ON public.track_refs USING btree (provider);
CREATE UNIQUE INDEX "track_refs_provider_providerId_key" ON public.track_refs USING btree (provider, "providerId");
CREATE INDEX track_refs_url_idx ON public.track_refs USING btree (url);
CREATE UNIQUE INDEX track_refs_url_key ON public.track_refs USING btree (url);
CREATE UNIQUE INDEX users_email_key ON public.users USING btree (email);
CREATE UNIQUE INDEX "users_supabaseId_key" ON public.users USING btree ("supabaseId");
CREATE UNIQUE INDEX "verification_requests_claimCode_key" ON public.verification_requests USING btree ("claimCode");
ALTER TABLE ONLY public.artist_profiles
    ADD CONSTRAINT "artist_profiles_userId_fkey" FOREIGN KEY ("userId") REFERENCES public.users(id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT "messages_parentId_fkey" FOREIGN KEY ("parentId") REFERENCES public.messages(id) ON UPDATE CASCADE ON DELETE SET NULL;
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT "messages_roomId_fkey" FOREIGN KEY ("roomId") REFERENCES public.rooms(id) ON UPDATE CASCADE ON DELETE RESTRICT;
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT "messages_userId_fkey" FOREIGN KEY ("userId") REFERENCES public.users(id) ON UPDATE CASCADE ON DELETE RESTRICT;
ALTER TABLE ONLY public.reactions
    ADD CONSTRAINT "reactions_messageId_fkey" FOREIGN KEY ("messageId") REFERENCES public.messages(id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE ONLY public.reactions
    ADD CONSTRAINT "reactions_userId_fkey" FOREIGN KEY ("userId") REFERENCES public.users(id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE ONLY public.room_memberships
    ADD CONSTRAINT "room_memberships_roomId_fkey" FOREIGN KEY ("roomId") REFERENCES public.rooms(id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE ONLY public.room_memberships
    ADD CONSTRAINT "room_memberships_userId_fkey" FOREIGN KEY ("userId") REFERENCES public.users(id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE ONLY public.verification_requests
    ADD CONSTRAINT "verification_requests_userId_fkey" FOREIGN KEY ("userId") REFERENCES public.users(id) ON UPDATE CASCADE ON DELETE CASCADE;
