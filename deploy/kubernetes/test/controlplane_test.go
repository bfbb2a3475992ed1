package kubernetes

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	client "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// built returns the folder with the control plane's programs. They are built once
// for each version and kept in the user's cache folder.
func built(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "spafleet", fmt.Sprintf("kubernetes-%s-etcd-%s", version(t, "k8s.io/kubernetes"), version(t, "go.etcd.io/etcd/server/v3")))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	t.Log("building kube-apiserver, kube-controller-manager and etcd: about ten minutes")
	half := dir + ".building"
	build := exec.CommandContext(t.Context(), "go", "build", "-p", "2", "-o", half+"/", "tool")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build, err, out)
	}
	if err := os.Rename(half, dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// version returns the version of a module that go.mod names.
func version(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", module).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// A plane is a control plane without scheduler and kubelets.
type plane struct {
	server  string
	client  *client.Clientset
	dynamic *dynamic.DynamicClient
}

// A process is one that a test started.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string
	done chan error
}

// launch starts a program until the test ends. Those that were started last end
// first: etcd, without which the API server hangs, is the last.
func launch(t *testing.T, name, program string, args ...string) *process {
	t.Helper()
	p := &process{name: name, cmd: exec.Command(program, args...), log: filepath.Join(t.TempDir(), name+".log"), done: make(chan error, 1)}
	log, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() {
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err == nil {
			select {
			case <-p.done:
			case <-time.After(15 * time.Second):
				_ = p.cmd.Process.Kill()
				<-p.done
			}
		}
		log.Close()
		if t.Failed() {
			t.Logf("%s said last:\n%s", name, tail(p.log))
		}
	})
	return p
}

func tail(name string) string {
	text, _ := os.ReadFile(name)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(len(lines)-20, 0):], "\n")
}

// ports returns free ports of loopback.
func ports(t *testing.T, n int) []int {
	t.Helper()
	var list []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		list = append(list, l.Addr().(*net.TCPAddr).Port)
	}
	return list
}

// token is that of an account that may do all; scrapeToken's may do nothing.
const (
	token       = "of-this-test"
	scrapeToken = "of-prometheus"
)

// startPlane starts a control plane and waits until it answers.
func startPlane(t *testing.T) *plane {
	t.Helper()
	bin, dir, port := built(t), t.TempDir(), ports(t, 4)
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	etcd := fmt.Sprintf("http://127.0.0.1:%d", port[0])
	peers := fmt.Sprintf("http://127.0.0.1:%d", port[1])
	server := fmt.Sprintf("https://127.0.0.1:%d", port[2])
	key := write("sa.key", privateKey(t))
	tokens := write("tokens.csv", token+",test,test,system:masters\n"+scrapeToken+",prometheus,prometheus\n")
	config := write("kubeconfig", fmt.Sprintf(`{"apiVersion": "v1", "kind": "Config", "current-context": "c",
"clusters": [{"name": "c", "cluster": {"server": %q, "insecure-skip-tls-verify": true}}],
"users": [{"name": "u", "user": {"token": %q}}],
"contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}`, server, token))
	launch(t, "etcd", filepath.Join(bin, "server"), "--name=default", "--data-dir="+filepath.Join(dir, "etcd"), "--listen-client-urls="+etcd, "--advertise-client-urls="+etcd,
		"--listen-peer-urls="+peers, "--initial-advertise-peer-urls="+peers, "--initial-cluster=default="+peers, "--unsafe-no-fsync")
	launch(t, "kube-apiserver", filepath.Join(bin, "kube-apiserver"), "--etcd-servers="+etcd, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port[2]), "--cert-dir="+filepath.Join(dir, "apiserver"), "--token-auth-file="+tokens, "--anonymous-auth=false",
		"--authorization-mode=RBAC", "--service-cluster-ip-range=10.0.0.0/24", "--endpoint-reconciler-type=none", "--disable-admission-plugins=ServiceAccount",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+key, "--service-account-signing-key-file="+key)
	launch(t, "kube-controller-manager", filepath.Join(bin, "kube-controller-manager"), "--kubeconfig="+config, "--leader-elect=false", "--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port[3]), "--cert-dir="+filepath.Join(dir, "manager"), "--controllers=job-controller,statefulset-controller")

	c := &rest.Config{Host: server, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{Insecure: true}, QPS: 200, Burst: 200}
	p := &plane{server, client.NewForConfigOrDie(c), dynamic.NewForConfigOrDie(c)}
	await(t, 2*time.Minute, "the API server", func(ctx context.Context) bool {
		answer, err := p.client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		return err == nil && string(answer) == "ok"
	})
	await(t, time.Minute, "the default namespace", func(ctx context.Context) bool {
		_, err := p.client.CoreV1().Namespaces().Get(ctx, "default", get)
		return err == nil
	})
	return p
}

// await asks ten times a second until something holds.
func await(t *testing.T, most time.Duration, what string, held func(context.Context) bool) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), most)
	defer stop()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for !held(ctx) {
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("waited %s in vain for %s", most, what)
		}
	}
}

func privateKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
}
