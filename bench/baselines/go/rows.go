package main

import (
	"github.com/jackc/pgx/v5/pgtype"

	pb "baseline/baselinev1"
)

// A row of profileColumns; no field is set where the user is no artist.
type profileRow struct {
	id, name, bio                *string
	verified                     *bool
	verifiedAt                   pgtype.Timestamp
	website, spotify, soundcloud *string
	createdAt                    pgtype.Timestamp
}

func (r *profileRow) targets() []any {
	return []any{
		&r.id, &r.name, &r.bio, &r.verified, &r.verifiedAt, &r.website, &r.spotify, &r.soundcloud, &r.createdAt,
	}
}

func (r *profileRow) profile(userID string) *pb.ArtistProfile {
	if r.id == nil {
		return nil
	}
	return &pb.ArtistProfile{
		Id: *r.id, UserId: userID, ArtistName: *r.name, Bio: r.bio, Verified: *r.verified, VerifiedAt: millis(r.verifiedAt),
		WebsiteUrl: r.website, SpotifyUrl: r.spotify, SoundcloudUrl: r.soundcloud, CreatedAt: r.createdAt.Time.UnixMilli(),
	}
}

// A row of listQuery. Its arrays are null where there is nothing.
type messageRow struct {
	id, userID, kind         string
	text, trackRef, parentID *string
	createdAt                pgtype.Timestamp
	email                    string
	artist                   profileRow
	reactions                struct{ ids, userIDs, emojis, emails pgtype.FlatArray[string] }
	replies                  struct {
		ids, userIDs, types pgtype.FlatArray[string]
		texts, trackRefs    pgtype.FlatArray[*string]
		created, deleted    pgtype.FlatArray[pgtype.Timestamp]
	}
}

func (r *messageRow) targets() []any {
	targets := []any{&r.id, &r.userID, &r.kind, &r.text, &r.trackRef, &r.parentID, &r.createdAt, &r.email}
	targets = append(targets, r.artist.targets()...)
	targets = append(targets, &r.reactions.ids, &r.reactions.userIDs, &r.reactions.emojis, &r.reactions.emails)
	p := &r.replies
	return append(targets, &p.ids, &p.userIDs, &p.types, &p.texts, &p.trackRefs, &p.created, &p.deleted)
}

func (r *messageRow) message(roomID string) *pb.Message {
	message := &pb.Message{
		Id: r.id, RoomId: roomID, UserId: r.userID, Type: messageType(r.kind), Text: r.text, TrackRef: r.trackRef,
		ParentId: r.parentID, CreatedAt: r.createdAt.Time.UnixMilli(),
		User: &pb.UserCard{Id: r.userID, Email: r.email, ArtistProfile: r.artist.profile(r.userID)},
	}
	message.Reactions = make([]*pb.Reaction, len(r.reactions.ids))
	for i, id := range r.reactions.ids {
		userID := r.reactions.userIDs[i]
		message.Reactions[i] = &pb.Reaction{
			Id: id, MessageId: r.id, UserId: userID, Emoji: r.reactions.emojis[i],
			User: &pb.UserRef{Id: userID, Email: r.reactions.emails[i]},
		}
	}
	message.Replies = make([]*pb.Message, len(r.replies.ids))
	for i, id := range r.replies.ids {
		message.Replies[i] = &pb.Message{
			Id: id, RoomId: roomID, UserId: r.replies.userIDs[i], Type: messageType(r.replies.types[i]),
			Text: r.replies.texts[i], TrackRef: r.replies.trackRefs[i], ParentId: &message.Id,
			CreatedAt: r.replies.created[i].Time.UnixMilli(), DeletedAt: millis(r.replies.deleted[i]),
		}
	}
	return message
}

func messageType(name string) pb.MessageType {
	return pb.MessageType(pb.MessageType_value[name])
}

func millis(at pgtype.Timestamp) *int64 {
	if !at.Valid {
		return nil
	}
	value := at.Time.UnixMilli()
	return &value
}
