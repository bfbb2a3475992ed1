// Package kubernetes tests the manifests of the folder above against a real
// kube-apiserver, kube-controller-manager, etcd and Prometheus, which it builds from
// their Go modules and runs on loopback. `make test-k8s` runs it; the first time it
// builds for about fifteen minutes.
package kubernetes
