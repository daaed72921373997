package policies

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Names of chains begin with this; the packet mark says that some policy allows what is being looked at.
const (
	prefix  = "CLAW-"
	forward = "CLAWFLEET-FORWARD"
	input   = "CLAWFLEET-INPUT"
	allowed = "0x10000/0x10000"
	// Not silence, which looks like a slow network: who is refused knows at once.
	refuse = "REJECT --reject-with icmp-admin-prohibited"
)

var hooks = map[string]string{"FORWARD": forward, "INPUT": input}

// snapshot is all that decides who may speak with whom.
type snapshot struct {
	pods       []*core.Pod
	namespaces []*core.Namespace
	policies   []*networking.NetworkPolicy
}

// ruleset is a filter: rules of chains, in order.
type ruleset struct {
	chains map[string][]string
}

func (r *ruleset) add(chain, format string, values ...any) {
	r.chains[chain] = append(r.chains[chain], fmt.Sprintf(format, values...))
}

// names lists the chains of single pods and ranges.
func (r *ruleset) names() []string {
	var names []string
	for name := range r.chains {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (r *ruleset) body() string {
	var b strings.Builder
	for _, name := range append(r.names(), forward, input) {
		for _, rule := range r.chains[name] {
			fmt.Fprintf(&b, "-A %s %s\n", name, rule)
		}
	}
	return b.String()
}

// text is what iptables-restore reads; it removes those of the earlier chains that are in no use any more.
func (r *ruleset) text(earlier []string) string {
	var b strings.Builder
	b.WriteString("*filter\n")
	names := r.names()
	for _, name := range append([]string{forward, input}, names...) {
		fmt.Fprintf(&b, ":%s - [0:0]\n", name)
	}
	b.WriteString(r.body())
	var gone []string
	for _, name := range earlier {
		if !slices.Contains(names, name) {
			gone = append(gone, name)
		}
	}
	// One may lead to another: all are emptied before any is removed.
	for _, name := range gone {
		fmt.Fprintf(&b, "-F %s\n", name)
	}
	for _, name := range gone {
		fmt.Fprintf(&b, "-X %s\n", name)
	}
	b.WriteString("COMMIT\n")
	return b.String()
}

// rules turns policies into a filter. What the node itself says to its pods (the kubelet's probes) passes no chain of ours.
func (s *snapshot) rules() *ruleset {
	r := &ruleset{chains: map[string][]string{}}
	for _, chain := range []string{forward, input} {
		r.add(chain, "-m conntrack --ctstate ESTABLISHED,RELATED -j RETURN")
	}
	pods := slices.Clone(s.pods)
	slices.SortFunc(pods, func(a, b *core.Pod) int { return strings.Compare(string(a.UID), string(b.UID)) })
	for _, pod := range pods {
		ip := address(pod)
		if ip == "" {
			continue
		}
		out, in := s.of(pod, networking.PolicyTypeEgress), s.of(pod, networking.PolicyTypeIngress)
		if len(out) > 0 {
			chain := name("E", string(pod.UID))
			r.begin(chain, ip)
			for _, policy := range out {
				for i, rule := range policy.Spec.Egress {
					s.allow(r, chain, "-d", rule.To, rule.Ports, policy, nil, fmt.Sprintf("%s/e%d", policy.UID, i))
				}
			}
			r.end(chain)
			r.add(forward, "-s %s -j %s", ip, chain)
			r.add(input, "-s %s -j %s", ip, chain)
		}
		if len(in) > 0 {
			chain := name("I", string(pod.UID))
			r.begin(chain, ip)
			for _, policy := range in {
				for i, rule := range policy.Spec.Ingress {
					s.allow(r, chain, "-s", rule.From, rule.Ports, policy, pod, fmt.Sprintf("%s/i%d", policy.UID, i))
				}
			}
			r.end(chain)
			r.add(forward, "-d %s -j %s", ip, chain)
		}
	}
	return r
}

func (r *ruleset) begin(chain, ip string) {
	r.add(chain, "-s %s -d %s -j RETURN", ip, ip) // Nothing keeps a pod from itself.
	r.add(chain, "-j MARK --set-xmark 0x0/0x10000")
}

func (r *ruleset) end(chain string) { r.add(chain, "-m mark ! --mark %s -j %s", allowed, refuse) }

// name makes a chain's name, at most 28 characters.
func name(kind, identity string) string {
	sum := sha256.Sum256([]byte(identity))
	return prefix + kind + "-" + hex.EncodeToString(sum[:8])
}

// address is the pod's own address: none for one that uses the node's, or that has ended.
func address(pod *core.Pod) string {
	if pod.Spec.HostNetwork || pod.Status.Phase == core.PodSucceeded || pod.Status.Phase == core.PodFailed {
		return ""
	}
	return pod.Status.PodIP
}

// of lists the policies that isolate a pod in one direction.
func (s *snapshot) of(pod *core.Pod, direction networking.PolicyType) []*networking.NetworkPolicy {
	var found []*networking.NetworkPolicy
	for _, policy := range s.policies {
		if policy.Namespace == pod.Namespace && slices.Contains(policy.Spec.PolicyTypes, direction) && matches(&policy.Spec.PodSelector, pod.Labels) {
			found = append(found, policy)
		}
	}
	slices.SortFunc(found, func(a, b *networking.NetworkPolicy) int { return strings.Compare(string(a.UID), string(b.UID)) })
	return found
}

// A selector that cannot be read selects nothing; the API server lets none in.
func matches(selector *meta.LabelSelector, set map[string]string) bool {
	parsed, err := meta.LabelSelectorAsSelector(selector)
	return err == nil && parsed.Matches(labels.Set(set))
}

// allow adds what one rule of a policy allows. side is "-s" or "-d", the peers' side; target is the pod whose named ports count, nil
// where each peer has its own.
func (s *snapshot) allow(r *ruleset, chain, side string, peers []networking.NetworkPolicyPeer, ports []networking.NetworkPolicyPort,
	policy *networking.NetworkPolicy, target *core.Pod, identity string) {
	mark := "MARK --set-xmark " + allowed
	if len(peers) == 0 {
		for _, port := range matchPorts(ports, target) {
			r.add(chain, "%s-j %s", port, mark)
		}
	}
	for i, peer := range peers {
		if peer.IPBlock != nil {
			jump := mark
			if len(peer.IPBlock.Except) > 0 {
				jump = name("X", fmt.Sprintf("%s/%d%s", identity, i, side))
				if _, made := r.chains[jump]; !made {
					for _, except := range peer.IPBlock.Except {
						if ipv4(except) {
							r.add(jump, "%s %s -j RETURN", side, except)
						}
					}
					r.add(jump, "-j %s", mark)
				}
			}
			if ipv4(peer.IPBlock.CIDR) {
				for _, port := range matchPorts(ports, target) {
					r.add(chain, "%s %s %s-j %s", side, peer.IPBlock.CIDR, port, jump)
				}
			}
			continue
		}
		for _, pod := range s.selected(peer, policy.Namespace) {
			named := target
			if named == nil {
				named = pod
			}
			for _, port := range matchPorts(ports, named) {
				r.add(chain, "%s %s %s-j %s", side, address(pod), port, mark)
			}
		}
	}
}

// Pods have addresses of the fourth version only.
func ipv4(cidr string) bool {
	p, err := netip.ParsePrefix(cidr)
	return err == nil && p.Addr().Is4()
}

func (s *snapshot) selected(peer networking.NetworkPolicyPeer, own string) []*core.Pod {
	inside := map[string]bool{}
	for _, namespace := range s.namespaces {
		if peer.NamespaceSelector == nil {
			inside[namespace.Name] = namespace.Name == own
		} else {
			inside[namespace.Name] = matches(peer.NamespaceSelector, namespace.Labels)
		}
	}
	var found []*core.Pod
	for _, pod := range s.pods {
		if inside[pod.Namespace] && address(pod) != "" && (peer.PodSelector == nil || matches(peer.PodSelector, pod.Labels)) {
			found = append(found, pod)
		}
	}
	slices.SortFunc(found, func(a, b *core.Pod) int { return strings.Compare(string(a.UID), string(b.UID)) })
	return found
}

// matchPorts gives the part of a rule for each port, ending in a space; one empty part for all ports, none where a name leads nowhere.
func matchPorts(ports []networking.NetworkPolicyPort, named *core.Pod) []string {
	if len(ports) == 0 {
		return []string{""}
	}
	var parts []string
	for _, port := range ports {
		protocol := core.ProtocolTCP
		if port.Protocol != nil {
			protocol = *port.Protocol
		}
		match := "-p " + strings.ToLower(string(protocol)) + " "
		switch {
		case port.Port == nil:
			parts = append(parts, match)
		case port.Port.Type == intstr.Int && port.EndPort != nil:
			parts = append(parts, fmt.Sprintf("%s--dport %d:%d ", match, port.Port.IntVal, *port.EndPort))
		case port.Port.Type == intstr.Int:
			parts = append(parts, fmt.Sprintf("%s--dport %d ", match, port.Port.IntVal))
		case named != nil:
			for _, number := range numbers(named, port.Port.StrVal, protocol) {
				parts = append(parts, fmt.Sprintf("%s--dport %d ", match, number))
			}
		}
	}
	return parts
}

func numbers(pod *core.Pod, name string, protocol core.Protocol) []int32 {
	var found []int32
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			if port.Name == name && (port.Protocol == protocol || port.Protocol == "" && protocol == core.ProtocolTCP) {
				found = append(found, port.ContainerPort)
			}
		}
	}
	return found
}
