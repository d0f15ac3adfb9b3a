package main

import (
	"context"
	"errors"
	"log"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "baseline/baselinev1"
)

const foreignKeyViolation = "23503"

var escapePattern = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

type chat struct {
	pb.UnimplementedChatServer
	pool *pgxpool.Pool
}

func (c *chat) ListMessages(ctx context.Context, request *pb.ListMessagesRequest) (*pb.ListMessagesResponse, error) {
	size := defaultPage
	if request.Limit > 0 {
		size = min(int(request.Limit), largestPage)
	}
	query, values := listQueries[0][size], []any{request.RoomId}
	if request.Cursor != "" {
		query, values = listQueries[1][size], append(values, request.Cursor)
	}
	rows, err := c.pool.Query(ctx, query, values...)
	if err != nil {
		return nil, internal(err)
	}
	defer rows.Close()
	messages := make([]*pb.Message, 0, size)
	var row messageRow
	targets := row.targets()
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, internal(err)
		}
		messages = append(messages, row.message(request.RoomId))
	}
	if err := rows.Err(); err != nil {
		return nil, internal(err)
	}
	return &pb.ListMessagesResponse{Messages: messages}, nil
}

// SendMessage is one INSERT: a transaction of its own, whose foreign keys are the checks.
func (c *chat) SendMessage(ctx context.Context, request *pb.SendMessageRequest) (*pb.Message, error) {
	message := &pb.Message{
		Id: uuid.NewString(), RoomId: request.RoomId, UserId: request.UserId, Type: pb.MessageType_TEXT, Text: &request.Text,
	}
	if request.ParentId != "" {
		message.ParentId = &request.ParentId
	}
	var createdAt pgtype.Timestamp
	err := c.pool.QueryRow(
		ctx, sendQuery, message.Id, message.RoomId, message.UserId, message.Text, message.ParentId,
	).Scan(&createdAt)
	if violation, ok := errors.AsType[*pgconn.PgError](err); ok && violation.Code == foreignKeyViolation {
		return nil, status.Error(codes.NotFound, "no such room, user or parent message")
	}
	if err != nil {
		return nil, internal(err)
	}
	message.CreatedAt = createdAt.Time.UnixMilli()
	return message, nil
}

func (c *chat) SearchArtists(ctx context.Context, request *pb.SearchArtistsRequest) (*pb.SearchArtistsResponse, error) {
	rows, err := c.pool.Query(ctx, searchQuery, "%"+escapePattern.Replace(request.Query)+"%")
	if err != nil {
		return nil, internal(err)
	}
	var row profileRow
	var userID, email string
	var artists []*pb.ArtistProfile
	_, err = pgx.ForEachRow(rows, append(row.targets(), &userID, &email), func() error {
		artist := row.profile(userID)
		artist.User = &pb.UserRef{Id: userID, Email: email}
		artists = append(artists, artist)
		return nil
	})
	if err != nil {
		return nil, internal(err)
	}
	return &pb.SearchArtistsResponse{Artists: artists}, nil
}

func (c *chat) GetUser(ctx context.Context, request *pb.GetUserRequest) (*pb.User, error) {
	var row profileRow
	var role string
	var createdAt pgtype.Timestamp
	user := &pb.User{Id: request.Id}
	targets := append([]any{&user.Email, &role, &createdAt}, row.targets()...)
	err := c.pool.QueryRow(ctx, userQuery, request.Id).Scan(targets...)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, status.Error(codes.NotFound, "no such user")
	}
	if err != nil {
		return nil, internal(err)
	}
	user.Role = pb.UserRole(pb.UserRole_value[role])
	user.CreatedAt = createdAt.Time.UnixMilli()
	user.ArtistProfile = row.profile(request.Id)
	return user, nil
}

func (c *chat) Echo(_ context.Context, request *pb.EchoRequest) (*pb.EchoResponse, error) {
	return &pb.EchoResponse{Text: request.Text}, nil
}

func internal(err error) error {
	log.Print(err)
	return status.Error(codes.Internal, "internal error")
}
