// Command peer is the other side of a tunnel: a program with go-spiffe and gRPC-go that gets its SVIDs from a Workload
// API and does mutual TLS with them. Its calls and what it prints are those of the peers in the other languages.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffegrpc/grpccredentials"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

const patience = 30 * time.Second

const usage = `usage: peer COMMAND ADDRESS-OF-WORKLOAD-API HINT …
  dial       … PEER-ID HOST:PORT   send a line, print the answer
  serve      … PEER-ID             print HOST:PORT, answer each line with the peer's ID and the line
  grpc-dial  … PEER-ID HOST:PORT   ask for the health of a server, print it
  grpc-serve … PEER-ID             print HOST:PORT, answer for its health
  jwt        … AUDIENCE            fetch a token, validate it here and at the Workload API, print whose it is`

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 4 {
		return errors.New(usage)
	}
	command, address, hint, last := args[0], args[1], args[2], args[3:]
	if command == "jwt" {
		return checkToken(ctx, address, hint, last[0])
	}
	start, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	source, err := workloadapi.NewX509Source(start,
		workloadapi.WithClientOptions(workloadapi.WithAddr(address)),
		workloadapi.WithDefaultX509SVIDPicker(func(svids []*x509svid.SVID) *x509svid.SVID { return byHint(svids, hint) }))
	if err != nil {
		return err
	}
	defer source.Close()
	peer, err := spiffeid.FromString(last[0])
	if err != nil {
		return err
	}
	authorizer := tlsconfig.AuthorizeID(peer)
	switch {
	case command == "serve":
		return serve(ctx, source, authorizer)
	case command == "grpc-serve":
		return serveGRPC(source, authorizer)
	case command == "dial" && len(last) == 2:
		return dial(start, source, authorizer, last[1])
	case command == "grpc-dial" && len(last) == 2:
		return dialGRPC(start, source, authorizer, last[1])
	}
	return errors.New(usage)
}

func byHint(svids []*x509svid.SVID, hint string) *x509svid.SVID {
	for _, svid := range svids {
		if svid.Hint == hint {
			return svid
		}
	}
	return nil
}

func dial(ctx context.Context, source *workloadapi.X509Source, authorizer tlsconfig.Authorizer, address string) error {
	conn, err := spiffetls.DialWithMode(ctx, "tcp", address, spiffetls.MTLSClientWithSource(authorizer, source))
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "ping\n"); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	fmt.Print(answer)
	return nil
}

func serve(ctx context.Context, source *workloadapi.X509Source, authorizer tlsconfig.Authorizer) error {
	mode := spiffetls.MTLSServerWithSource(authorizer, source)
	listener, err := spiffetls.ListenWithMode(ctx, "tcp", "127.0.0.1:0", mode)
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go answerLines(conn)
	}
}

func answerLines(conn net.Conn) {
	defer conn.Close()
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		peer, err := spiffetls.PeerIDFromConn(conn)
		if err != nil {
			return
		}
		fmt.Fprintln(conn, peer, lines.Text())
	}
}

func dialGRPC(ctx context.Context, source *workloadapi.X509Source, authorizer tlsconfig.Authorizer, address string) error {
	credentials := grpccredentials.MTLSClientCredentials(source, source, authorizer)
	client, err := grpc.NewClient(address, grpc.WithTransportCredentials(credentials))
	if err != nil {
		return err
	}
	defer client.Close()
	answer, err := grpc_health_v1.NewHealthClient(client).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		return err
	}
	fmt.Println(answer.Status)
	return nil
}

func serveGRPC(source *workloadapi.X509Source, authorizer tlsconfig.Authorizer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.Creds(grpccredentials.MTLSServerCredentials(source, source, authorizer)))
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	fmt.Println(listener.Addr())
	return server.Serve(listener)
}

func checkToken(ctx context.Context, address, hint, audience string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client, err := workloadapi.New(ctx, workloadapi.WithAddr(address))
	if err != nil {
		return err
	}
	defer client.Close()
	svids, err := client.FetchJWTSVIDs(ctx, jwtsvid.Params{Audience: audience})
	if err != nil {
		return err
	}
	bundles, err := client.FetchJWTBundles(ctx)
	if err != nil {
		return err
	}
	for _, svid := range svids {
		if svid.Hint != hint {
			continue
		}
		here, err := jwtsvid.ParseAndValidate(svid.Marshal(), bundles, []string{audience})
		if err != nil {
			return err
		}
		there, err := client.ValidateJWTSVID(ctx, svid.Marshal(), audience)
		if err != nil {
			return err
		}
		fmt.Println(here.ID, there.ID)
		return nil
	}
	return fmt.Errorf("no token has the hint %q", hint)
}
