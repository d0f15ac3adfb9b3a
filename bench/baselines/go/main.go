// The Go baseline: the contract of baseline.proto on grpc-go and pgx.
package main

import (
	"context"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc"

	pb "baseline/baselinev1"
)

const stopPatience = 2 * time.Second

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if os.Getenv("EXIT_WITH_STDIN") == "1" {
		// The bench holds the other end: a server must not outlive a measurement that was killed.
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	uuid.EnableRandPool()
	pool, err := connect(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()

	address := net.JoinHostPort(environ("HOST", "127.0.0.1"), environ("PORT", "46010"))
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	pb.RegisterChatServer(server, &chat{pool: pool})
	context.AfterFunc(ctx, func() {
		time.AfterFunc(stopPatience, server.Stop)
		server.GracefulStop()
	})
	log.Printf("listening on %s, pid %d", address, os.Getpid())
	return server.Serve(listener)
}

// connect opens all connections of the pool. pgx prepares each statement once per connection.
func connect(ctx context.Context) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		return nil, err
	}
	size, err := strconv.ParseInt(environ("POOL", "20"), 10, 32)
	if err != nil {
		return nil, err
	}
	config.MaxConns, config.MinConns = int32(size), int32(size)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return pool, pool.Ping(ctx)
}

func environ(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
