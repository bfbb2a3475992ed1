package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

var get = meta.GetOptions{}

// A kubelet runs the command of every pod on this machine: the built spafleet in
// place of the image, with the environment that the pod asks for, its volumes as
// folders and an address of loopback for its metrics.
type kubelet struct {
	t       *testing.T
	plane   *plane
	program string
	dir     string
	// fate says what becomes of a pod; nil is a machine where nothing goes wrong.
	fate func(*core.Pod) fate

	mu   sync.Mutex
	pods map[types.UID]*run
	wg   sync.WaitGroup
}

// A fate is what may happen to a pod.
type fate int

const (
	lives  fate = iota
	killed      // as by a machine that runs out of memory, at once
	lost        // it ends, and then its machine is lost: it counts as failed
)

// A run is a pod's command.
type run struct {
	pod  *core.Pod
	ip   string // by which Prometheus finds it
	env  []string
	dir  string // of its volumes and other files
	log  string
	exit int
	cmd  *exec.Cmd
}

// startKubelet works until the test ends.
func startKubelet(t *testing.T, p *plane, program string, decide func(*core.Pod) fate) *kubelet {
	k := &kubelet{t: t, plane: p, program: program, dir: t.TempDir(), fate: decide, pods: map[types.UID]*run{}}
	ctx, stop := context.WithCancel(context.Background())
	k.wg.Go(func() {
		again := time.NewTicker(50 * time.Millisecond)
		defer again.Stop()
		for {
			k.look(ctx)
			select {
			case <-again.C:
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() {
		stop()
		k.mu.Lock()
		for _, r := range k.pods {
			if r.cmd != nil && r.cmd.Process != nil {
				_ = r.cmd.Process.Kill()
			}
		}
		k.mu.Unlock()
		k.wg.Wait()
	})
	return k
}

// look starts the pods that are new and ends those that are to be deleted.
func (k *kubelet) look(ctx context.Context) {
	list, err := k.plane.client.CoreV1().Pods("default").List(ctx, meta.ListOptions{})
	if err != nil {
		return
	}
	for i := range list.Items {
		pod := &list.Items[i]
		k.mu.Lock()
		r := k.pods[pod.UID]
		if r == nil && pod.DeletionTimestamp == nil {
			r = &run{pod: pod.DeepCopy(), ip: address(len(k.pods)), dir: filepath.Join(k.dir, pod.Name), exit: -1}
			k.pods[pod.UID] = r
			k.wg.Go(func() { k.run(ctx, r) })
		} else if r != nil && pod.DeletionTimestamp != nil && r.cmd != nil && r.cmd.Process != nil {
			_ = r.cmd.Process.Signal(syscall.SIGTERM)
		}
		k.mu.Unlock()
	}
}

// run carries out a pod.
func (k *kubelet) run(ctx context.Context, r *run) {
	c := &r.pod.Spec.Containers[0]
	if err := k.prepare(ctx, r, c); err != nil {
		k.t.Errorf("pod %s: %v", r.pod.Name, err)
		return
	}
	log, err := os.Create(r.log)
	if err != nil {
		k.t.Error(err)
		return
	}
	defer log.Close()
	for k.once(ctx, r, c, log) && r.pod.Spec.RestartPolicy == core.RestartPolicyAlways {
	}
}

// once runs a pod's container to its end, and reports whether the kubelet still
// works and the command could be run.
func (k *kubelet) once(ctx context.Context, r *run, c *core.Container, log *os.File) bool {
	cmd := exec.Command(k.program, k.args(r, c)...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = r.env, r.dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	k.mu.Lock()
	if ctx.Err() != nil {
		k.mu.Unlock()
		return false
	}
	err := cmd.Start()
	r.cmd = cmd
	k.mu.Unlock()
	if err != nil {
		k.t.Error(err)
		return false
	}
	end := lives
	if k.fate != nil {
		end = k.fate(r.pod)
	}
	if end == killed {
		_ = cmd.Process.Kill()
	}
	k.report(ctx, r, core.PodRunning, 0)
	err = cmd.Wait()
	code := cmd.ProcessState.ExitCode()
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed) && code < 0:
		code = 128 + int(failed.Sys().(syscall.WaitStatus).Signal())
	case end == lost:
		code = 137
	}
	k.mu.Lock()
	r.exit = code
	k.mu.Unlock()
	phase := core.PodSucceeded
	if code != 0 {
		phase = core.PodFailed
	}
	if r.pod.Spec.RestartPolicy != core.RestartPolicyAlways {
		k.report(ctx, r, phase, code)
	}
	return ctx.Err() == nil
}

// prepare makes the pod's environment and volumes.
func (k *kubelet) prepare(ctx context.Context, r *run, c *core.Container) error {
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return err
	}
	r.log = filepath.Join(r.dir, "log")
	for _, e := range c.Env {
		value := e.Value
		if e.ValueFrom != nil {
			var err error
			if value, err = field(r.pod, e.ValueFrom.FieldRef); err != nil {
				return err
			}
		}
		r.env = append(r.env, e.Name+"="+value)
	}
	for _, v := range r.pod.Spec.Volumes {
		if v.ConfigMap == nil { // a folder of its own
			continue
		}
		m, err := k.plane.client.CoreV1().ConfigMaps("default").Get(ctx, v.ConfigMap.Name, get)
		if err != nil {
			return err
		}
		for name, text := range m.Data {
			if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// field returns what the downward API says.
func field(pod *core.Pod, f *core.ObjectFieldSelector) (string, error) {
	path, key, _ := strings.Cut(strings.TrimSuffix(f.FieldPath, "']"), "['")
	from := map[string]map[string]string{"metadata.labels": pod.Labels, "metadata.annotations": pod.Annotations}[path]
	value, ok := from[key]
	if !ok {
		return "", fmt.Errorf("the pod has no %s; labels %v, annotations %v", f.FieldPath, pod.Labels, pod.Annotations)
	}
	return value, nil
}

// address is the i-th pod's. It differs between tests that run at once, and is
// below 127.64.0.0, where the devices begin.
func address(i int) string {
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", 1+pid>>8%63, pid%256, 1+i)
}

// args are the pod's, with folders of this machine in place of its mounts. What
// would listen at all of the pod's addresses does so at the one of this machine
// that stands for them.
func (k *kubelet) args(r *run, c *core.Container) []string {
	args := slices.Clone(c.Args)
	for i := range args {
		for _, m := range c.VolumeMounts {
			args[i] = strings.Replace(args[i], m.MountPath+"/", r.dir+"/", 1)
		}
		if strings.HasPrefix(args[i], ":") {
			args[i] = r.ip + args[i]
		}
	}
	return args
}

// report sets a pod's status as a kubelet does.
func (k *kubelet) report(ctx context.Context, r *run, phase core.PodPhase, code int) {
	c := core.ContainerStatus{Name: r.pod.Spec.Containers[0].Name, Image: "spafleet", Ready: phase == core.PodRunning}
	ready := core.ConditionFalse
	if phase == core.PodRunning {
		c.State.Running, ready = &core.ContainerStateRunning{StartedAt: meta.Now()}, core.ConditionTrue
	} else {
		c.State.Terminated = &core.ContainerStateTerminated{ExitCode: int32(code), FinishedAt: meta.Now()}
	}
	for ctx.Err() == nil {
		pod, err := k.plane.client.CoreV1().Pods("default").Get(ctx, r.pod.Name, get)
		if err != nil {
			return // it was deleted
		}
		now := meta.Now()
		pod.Status = core.PodStatus{Phase: phase, StartTime: &now, PodIP: r.ip, PodIPs: []core.PodIP{{IP: r.ip}}, ContainerStatuses: []core.ContainerStatus{c}, Conditions: []core.PodCondition{{Type: core.PodReady, Status: ready}}}
		if _, err = k.plane.client.CoreV1().Pods("default").UpdateStatus(ctx, pod, meta.UpdateOptions{}); err == nil {
			return
		}
	}
}

// runs returns what was run for an index, the first attempt first.
func (k *kubelet) runs(index int) []*run {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []*run
	for _, r := range k.pods {
		if r.pod.Labels["batch.kubernetes.io/job-completion-index"] == fmt.Sprint(index) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *run) int {
		return strings.Compare(a.pod.Annotations["batch.kubernetes.io/job-index-failure-count"], b.pod.Annotations["batch.kubernetes.io/job-index-failure-count"])
	})
	return list
}

// logs are what `kubectl logs --prefix` would print of all pods.
func (k *kubelet) logs() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var b strings.Builder
	for _, r := range k.pods {
		text, err := os.ReadFile(r.log)
		if err != nil {
			k.t.Error(err)
		}
		for line := range strings.Lines(string(text)) {
			fmt.Fprintf(&b, "[pod/%s/spafleet] %s\n", r.pod.Name, strings.TrimSuffix(line, "\n"))
		}
	}
	return b.String()
}
