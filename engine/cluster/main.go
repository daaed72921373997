// One program for all parts of a single Kubernetes node and for kubectl: linked once, they take a quarter of the disk and of the
// time that they take one by one. The name that it is called by, or else its first argument, chooses the part.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	_ "time/tzdata" // A CronJob may name a time zone, and the machine may have none.

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // kubectl: all ways to log in that a kubeconfig may name
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	"clawfleet/engine/cluster/policies"
	"clawfleet/engine/cluster/provisioner"
)

// Without etcd and kubectl, which bring a way of their own to run.
var servers = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllers.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kubelet":                 func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
	"kube-proxy":              proxy.NewProxyCommand,
	"policies":                policies.Command,
	"provisioner":             provisioner.Command,
}

func main() {
	part := filepath.Base(os.Args[0])
	if !known(part) && len(os.Args) > 1 {
		os.Args = os.Args[1:]
		part = os.Args[0]
	}
	switch {
	case part == "etcd":
		etcdmain.Main(os.Args)
	case part == "kubectl":
		if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
			util.CheckErr(err)
		}
	case servers[part] != nil:
		os.Exit(cli.Run(servers[part]()))
	default:
		fmt.Fprintf(os.Stderr, "usage: %s PART [FLAG...], where PART is one of %s\n", filepath.Base(os.Args[0]), strings.Join(parts(), ", "))
		os.Exit(2)
	}
}

func parts() []string {
	all := []string{"etcd", "kubectl"}
	for name := range servers {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func known(part string) bool { return slices.Contains(parts(), part) }
