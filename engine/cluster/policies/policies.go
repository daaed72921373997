// Package policies enforces NetworkPolicies on a cluster of one node, where every pod has a link of its own to the node: the kernel's
// packet filter sees all that pods say to each other and to the outside.
package policies

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

// What changes within this time is put into the filter at once.
const settle = 30 * time.Millisecond

// Command is `policies`.
func Command() *cobra.Command {
	var kubeconfig, ready string
	command := &cobra.Command{
		Use:          "policies",
		Short:        "enforces NetworkPolicies by iptables",
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE:         func(command *cobra.Command, _ []string) error { return run(command.Context(), kubeconfig, ready) },
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "file that says how to reach the cluster")
	command.Flags().StringVar(&ready, "ready-file", "", "file that is made once the policies are enforced")
	if err := command.MarkFlagRequired("kubeconfig"); err != nil {
		panic(err)
	}
	return command
}

func run(ctx context.Context, kubeconfig, ready string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods, namespaces, policies := factory.Core().V1().Pods(), factory.Core().V1().Namespaces(), factory.Networking().V1().NetworkPolicies()
	changed := make(chan struct{}, 1)
	notify := func() {
		select {
		case changed <- struct{}{}:
		default: // It is to look anew already.
		}
	}
	var synced []cache.InformerSynced
	for _, informer := range []cache.SharedIndexInformer{pods.Informer(), namespaces.Informer(), policies.Informer()} {
		registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { notify() },
			UpdateFunc: func(any, any) { notify() },
			DeleteFunc: func(any) { notify() },
		})
		if err != nil {
			return err
		}
		synced = append(synced, registration.HasSynced)
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		return errors.New("the cluster went away before its pods and policies were read")
	}
	chains, err := leftovers()
	if err != nil {
		return err
	}
	last := ""
	for {
		var s snapshot
		if s.pods, err = pods.Lister().List(labels.Everything()); err != nil {
			return err
		}
		if s.namespaces, err = namespaces.Lister().List(labels.Everything()); err != nil {
			return err
		}
		if s.policies, err = policies.Lister().List(labels.Everything()); err != nil {
			return err
		}
		rules := s.rules()
		if text := rules.text(chains); rules.body() != last {
			// A filter that cannot be set ends this process, and whoever started it starts it anew.
			if err := restore(text); err != nil {
				return err
			}
			if last == "" {
				// Until now the node has forwarded nothing at all.
				if err := iptables("-P", "FORWARD", "ACCEPT"); err != nil {
					return err
				}
			}
			last, chains = rules.body(), rules.names()
			klog.InfoS("Enforced", "isolated", len(chains), "policies", len(s.policies))
		}
		if ready != "" {
			if err := os.WriteFile(ready, nil, 0o600); err != nil {
				return err
			}
			ready = ""
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		time.Sleep(settle)
	}
}

func iptables(args ...string) error {
	if out, err := exec.Command("iptables", append([]string{"-w"}, args...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("iptables %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// leftovers has the kernel's own chains lead to ours, and lists the chains of an earlier process. What that process has refused stays
// refused meanwhile.
func leftovers() ([]string, error) {
	for hook, chain := range hooks {
		if iptables("-n", "-L", chain) != nil {
			if err := iptables("-N", chain); err != nil {
				return nil, err
			}
		}
		if iptables("-C", hook, "-j", chain) != nil {
			if err := iptables("-I", hook, "-j", chain); err != nil {
				return nil, err
			}
		}
	}
	out, err := exec.Command("iptables", "-w", "-S").Output()
	if err != nil {
		return nil, fmt.Errorf("iptables: %w", err)
	}
	var chains []string
	for _, line := range strings.Split(string(out), "\n") {
		if name, found := strings.CutPrefix(line, "-N "); found && strings.HasPrefix(name, prefix) {
			chains = append(chains, name)
		}
	}
	return chains, nil
}

// restore sets what the text names and leaves the rest, all at once or not at all.
func restore(text string) error {
	command := exec.Command("iptables-restore", "-w", "10", "--noflush")
	command.Stdin = strings.NewReader(text)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("iptables-restore: %w: %s", err, stderr.String())
	}
	return nil
}
