package host

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/shoenig/test/must"
)

// An image of the machine's static busybox.
const image = "encamp-interop:busybox"

var imported sync.Once

func makeImage(t *testing.T) {
	imported.Do(func() {
		socket := strings.TrimPrefix(os.Getenv("DOCKER_HOST"), "unix://")
		if socket == "" {
			socket = "/var/run/docker.sock"
		}
		engine := http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "unix", socket)
			},
		}}
		url := "http://engine/images/create?fromSrc=-&repo=encamp-interop&tag=busybox"
		answer, err := engine.Post(url, "application/x-tar", rootfs(t))
		must.NoError(t, err)
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		must.Eq(t, http.StatusOK, answer.StatusCode, must.Sprint(string(text)))
	})
}

func rootfs(t *testing.T) io.Reader {
	busybox, err := os.ReadFile("/bin/busybox")
	must.NoError(t, err)
	archive := &bytes.Buffer{}
	writer := tar.NewWriter(archive)
	add := func(header tar.Header, body []byte) {
		header.Size = int64(len(body))
		must.NoError(t, writer.WriteHeader(&header))
		_, err := writer.Write(body)
		must.NoError(t, err)
	}
	add(tar.Header{Name: "bin/busybox", Mode: 0o755}, busybox)
	for _, applet := range []string{"sh", "sleep", "echo", "cat", "stty", "head", "kill", "true", "trap"} {
		add(tar.Header{Name: "bin/" + applet, Typeflag: tar.TypeSymlink, Linkname: "busybox"}, nil)
	}
	add(tar.Header{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777}, nil)
	must.NoError(t, writer.Close())
	return archive
}
