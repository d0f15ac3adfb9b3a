// Fills the original's tables through Prisma's client: what an application would write, and a few rows that fit nowhere
// else. Ids and times are the same in every run.
import { createHash } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from '@prisma/client';

const db = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) });

const digest = (text) => createHash('md5').update(text).digest('hex');
const id = (kind, n) => digest(`${kind} ${n}`).replace(/(.{8})(.{4}).(.{3}).(.{3})(.{12})/, '$1-$2-4$3-8$4-$5');
const at = (minutes) => new Date(Date.UTC(2025, 0, 1) + minutes * 60_000);
const times = (count, make) => Array.from({ length: count }, (_, n) => make(n));
const sample = (values, n) => values[n % values.length];
const spotify = (n) => digest(`track ${n}`).slice(0, 22);

const USERS = 30;
const ARTISTS = 8;
const ROOMS = 5;
const MESSAGES = 40; // in each room
const TRACKS = 12;
const user = (n) => id('user', n % USERS);

await db.user.createMany({
  data: times(USERS, (n) => ({
    id: user(n),
    email: `listener${n}@example.test`,
    supabaseId: id('subject', n),
    role: n === 0 ? 'ADMIN' : n === 1 ? 'MODERATOR' : n < 2 + ARTISTS ? 'ARTIST' : 'USER',
    mutedUntil: n === 20 ? new Date(Date.UTC(2099, 0, 1)) : null,
    createdAt: at(n),
    updatedAt: at(n + 5),
  })),
});
// The unique key of the original tells capitals apart.
await db.user.create({ data: { id: id('user', 'twin'), email: 'Listener3@Example.Test', supabaseId: id('subject', 'twin') } });

await db.artistProfile.createMany({
  data: times(ARTISTS, (n) => ({
    id: id('artist', n),
    userId: user(2 + n),
    artistName: ['Velvet Sea', 'Núria Bañó', 'Los Óxidos', '夜の海', 'Paper Lantern', 'Copper & Sons', 'VeIvet Sea', 'Ø'][n],
    bio: n === 5 ? 'b'.repeat(2_001) : n % 2 ? null : `Songs number ${n}.`,
    verified: [0, 1, 2, 6].includes(n),
    verifiedAt: [0, 1, 2, 6].includes(n) ? at(1_000 + n) : null,
    websiteUrl: n === 4 ? 'http://lantern.example.com/' : n === 0 ? 'https://velvet.example.com/' : null,
    spotifyUrl: n === 1 ? `https://open.spotify.com/artist/${digest('artist 1').slice(0, 22)}` : null,
    createdAt: at(100 + n),
  })),
});
const claim = (n, artist, status, targetUrl, claimCode) => ({
  id: id('claim', n),
  userId: user(2 + artist),
  claimCode,
  status,
  targetUrl,
  createdAt: at(200 + n),
});
await db.verificationRequest.createMany({
  data: [
    claim(0, 0, 'APPROVED', 'https://velvet.example.com/', 'seda-verify-velvetseavelvetseavelvetse'),
    claim(1, 1, 'APPROVED', `https://open.spotify.com/artist/${digest('artist 1').slice(0, 22)}?si=1`, 'SEDA-0001'),
    claim(2, 3, 'PENDING', 'https://soundcloud.com/Night-Sea', 'SEDA-0002'),
    claim(3, 4, 'DENIED', 'https://lantern.example.com/', 'SEDA-0003'),
    claim(4, 4, 'EXPIRED', 'https://lantern.example.com/', 'SEDA-0004'),
    claim(5, 5, 'ON_HOLD', 'https://copper.example.com/', 'SEDA-0005'),
    claim(6, 6, 'APPROVED', 'https://lookalike.example.com/', 'SEDA-0006'),
    claim(7, 5, 'PENDING', 'http://127.0.0.1/', 'SEDA-0007'),
    claim(8, 10, 'PENDING', 'https://nobody.example.com/', 'SEDA-0008'),
    claim(9, 3, 'PENDING', 'https://www.soundcloud.com/night-sea/', 'SEDA-0009'),
  ],
});

await db.trackRef.createMany({
  data: [
    ...times(TRACKS, (n) => ({
      id: id('track', n),
      provider: 'spotify',
      providerId: spotify(n),
      url: `https://open.spotify.com/track/${spotify(n)}?si=${n}`,
      title: `Song ${n}`,
      artist: sample(['Velvet Sea', '夜の海'], n),
      artwork: `https://i.scdn.co/image/${digest(`cover ${n}`)}`,
      duration: 180 + n,
      createdAt: at(300 + n),
    })),
    {
      id: id('track', 'same'), provider: 'youtube', providerId: 'dQw4w9WgXcQ',
      url: 'https://www.youtube.com/watch?v=dQw4w9WgXcQ', title: 'A video', artist: 'Someone', createdAt: at(320),
    },
    {
      id: id('track', 'short'), provider: 'youtube', providerId: 'youtu.be/dQw4w9WgXcQ',
      url: 'https://youtu.be/dQw4w9WgXcQ', title: 'The same video', artist: 'Someone', createdAt: at(321),
    },
    {
      id: id('track', 'apple'), provider: 'apple', providerId: '1440857781',
      url: 'https://music.apple.com/de/album/x/1440857777?i=1440857781', title: 'Song', artist: 'Band', duration: 0, createdAt: at(322),
    },
    {
      id: id('track', 'album'), provider: 'apple', providerId: 'x',
      url: 'https://music.apple.com/de/album/x/1440857777', title: 'Album', artist: 'Band', createdAt: at(323),
    },
  ],
});
await db.crawlerCache.createMany({
  data: times(3, (n) => ({
    id: id('page', n), url: `https://page${n}.example.com/`, content: '<html></html>', statusCode: 200, expiresAt: at(400 + n),
  })),
});

for (let r = 0; r < ROOMS; r++) {
  const members = times(8, (n) => user(r * 6 + n));
  await db.room.create({
    data: {
      id: id('room', r),
      name: r === 4 ? ' ' : r === 3 ? 'n'.repeat(81) : `Room ${r} ☕`,
      description: r % 2 ? null : `About genre ${r}`,
      isPrivate: r === 2,
      createdBy: r === 3 ? 'nobody' : user(r * 6),
      createdAt: at(500 + r),
      memberships: {
        create: members.map((userId, n) => ({ id: id(`member ${r}`, n), userId, isMod: n === 1 })),
      },
    },
  });
  await db.roomMembership.create({ data: { id: id(`member ${r}`, 'again'), roomId: id('room', r), userId: members[2] } });
  for (let n = 0; n < MESSAGES; n++) {
    const tracked = n % 10 === 5;
    await db.message.create({
      data: {
        id: id(`message ${r}`, n),
        roomId: id('room', r),
        userId: sample(members, n * 3),
        type: tracked ? 'TRACK_REF' : 'TEXT',
        text: tracked && n % 20 === 5 ? null : `Number ${n}: wie schön, ¿no? ${sample(['🎷', '', '音楽'], n)}`,
        trackRef: tracked
          ? { provider: 'spotify', providerId: spotify(n), url: `https://open.spotify.com/intl-de/track/${spotify(n)}`, title: `Song ${n}` }
          : undefined,
        parentId: n % 4 === 3 ? id(`message ${r}`, n - 1) : n % 4 === 2 && n % 8 === 6 ? id(`message ${r}`, n - 2) : null,
        // Two of a time: the id decides.
        createdAt: at(600 + Math.floor((n + 1) / 2)),
        deletedAt: n === 30 ? at(900) : null,
        reactions: {
          create: n % 3
            ? []
            : [
                { id: id(`reaction ${r} ${n}`, 0), userId: members[1], emoji: '🔥' },
                { id: id(`reaction ${r} ${n}`, 1), userId: members[2], emoji: sample(['❤️', '❤', '👏🏽', ':seda:'], n) },
              ],
        },
      },
    });
  }
}
const message = (n, values) => ({
  id: id('message', n), roomId: id('room', 0), userId: user(0), createdAt: at(700 + n), text: 'hello', ...values,
});
await db.message.createMany({
  data: [
    message(0, { type: 'SYSTEM', text: 'Listener 3 joined' }),
    message(1, { text: ' ' }),
    message(2, { text: 'x'.repeat(4_001) }),
    message(3, { text: 'ring\u0007' }),
    message(4, { type: 'TRACK_REF', text: null, trackRef: { url: 'https://tapes.example.com/1' } }),
    message(5, { type: 'TRACK_REF', trackRef: { title: 'A song that someone hummed' } }),
    message(6, { type: 'TRACK_REF', text: null, trackRef: { provider: 'deezer', providerId: '3135556' } }),
    message(7, { parentId: id('message 1', 0) }),
  ],
});
await db.reaction.createMany({
  data: [
    { id: id('reaction', 0), messageId: id('message 0', 0), userId: user(1), emoji: '🔥' },
    { id: id('reaction', 1), messageId: id('message 0', 0), userId: user(1), emoji: 'great' },
    { id: id('reaction', 2), messageId: id('message', 2), userId: user(1), emoji: '🔥' },
  ],
});

await db.adminAction.createMany({
  data: [
    { action: 'setRole', targetId: user(1), details: { reason: 'Helps every evening' } },
    { action: 'MUTE_USER', targetId: user(20), details: { until: '2099-01-01', note: 'Third time' } },
    { action: 'ban_user', targetId: user(21) },
    { action: 'delete_cache', targetId: 'https://page0.example.com/' },
  ].map((each, n) => ({ id: id('action', n), adminId: user(0), createdAt: at(1_000 + n), ...each })),
});
await db.moderationLog.createMany({
  data: [
    { roomId: id('room', 0), action: 'deleteMessage', reason: 'Spam' },
    { roomId: id('room', 0), action: 'MUTE_MEMBER' },
    { roomId: id('room', 2), action: 'warn', reason: 'Tone' },
    { roomId: id('room', 9), action: 'LOCK_ROOM' },
  ].map((each, n) => ({ id: id('log', n), moderatorId: user(1), ...each })),
});
await db.$disconnect();
