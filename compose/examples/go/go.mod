module example.org/kubus-examples

go 1.20

require (
	github.com/google/flatbuffers v23.5.26+incompatible
	github.com/nats-io/nats.go v1.37.0
	kubus v0.0.0
)

require (
	github.com/klauspost/compress v1.17.2 // indirect
	github.com/nats-io/nkeys v0.4.7 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	golang.org/x/crypto v0.18.0 // indirect
	golang.org/x/sys v0.16.0 // indirect
)

replace kubus => ./gen/kubus
