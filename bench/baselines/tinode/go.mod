module baseline

go 1.26.0

require github.com/tinode/chat v0.22.13
