// Package provisioner makes the volumes of the storage class `local`: one folder per claim, as a `local` PersistentVolume that only
// this node can use. Such volumes honour a pod's fsGroup, as block devices and most network storage do and hostPath does not.
package provisioner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	storagelisters "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

// Name is the provisioner that a StorageClass names to get its volumes from here.
const Name = "clawfleet.dev/local"

// Annotations by which the scheduler and the volume controller speak with any provisioner.
const (
	wantedFrom    = "volume.kubernetes.io/storage-provisioner"
	selectedNode  = "volume.kubernetes.io/selected-node"
	provisionedBy = "pv.kubernetes.io/provisioned-by"
)

type options struct {
	kubeconfig string
	folder     string
	node       string
	ready      string
}

type controller struct {
	options
	client  kubernetes.Interface
	claims  corelisters.PersistentVolumeClaimLister
	volumes corelisters.PersistentVolumeLister
	classes storagelisters.StorageClassLister
	queue   workqueue.TypedRateLimitingInterface[string]
}

// Command is `provisioner`.
func Command() *cobra.Command {
	var o options
	command := &cobra.Command{
		Use:          "provisioner",
		Short:        "makes and removes the volumes of the storage class \"local\"",
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE:         func(command *cobra.Command, _ []string) error { return run(command.Context(), o) },
	}
	flags := command.Flags()
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "file that says how to reach the cluster")
	flags.StringVar(&o.folder, "folder", "", "folder in which each volume gets a folder")
	flags.StringVar(&o.node, "node", "", "name of the node whose folder this is")
	flags.StringVar(&o.ready, "ready-file", "", "file that is made once it is at work")
	for _, required := range []string{"kubeconfig", "folder", "node"} {
		if err := command.MarkFlagRequired(required); err != nil {
			panic(err)
		}
	}
	return command
}

func run(ctx context.Context, o options) error {
	if !filepath.IsAbs(o.folder) {
		return fmt.Errorf("--folder must be an absolute path, and is %q", o.folder)
	}
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	// Looked at anew once a minute, for what failed for good reasons that are gone.
	factory := informers.NewSharedInformerFactory(client, time.Minute)
	claims, volumes, classes := factory.Core().V1().PersistentVolumeClaims(), factory.Core().V1().PersistentVolumes(), factory.Storage().V1().StorageClasses()
	c := &controller{
		options: o,
		client:  client,
		claims:  claims.Lister(),
		volumes: volumes.Lister(),
		classes: classes.Lister(),
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[string](200*time.Millisecond, 30*time.Second)),
	}
	synced := []cache.InformerSynced{classes.Informer().HasSynced}
	for _, informer := range []cache.SharedIndexInformer{claims.Informer(), volumes.Informer()} {
		registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    c.enqueue,
			UpdateFunc: func(_, changed any) { c.enqueue(changed) },
		})
		if err != nil {
			return err
		}
		synced = append(synced, registration.HasSynced)
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		return errors.New("the cluster went away before its claims and volumes were read")
	}
	if o.ready != "" {
		if err := os.WriteFile(o.ready, nil, 0o600); err != nil {
			return err
		}
	}
	klog.InfoS("At work", "folder", o.folder, "node", o.node)
	go func() {
		<-ctx.Done()
		c.queue.ShutDown()
	}()
	for c.next(ctx) {
	}
	return nil
}

// A claim's key is namespace/name, a volume's is its name alone.
func (c *controller) enqueue(object any) {
	key, err := cache.MetaNamespaceKeyFunc(object)
	if err != nil {
		klog.ErrorS(err, "An object without a key")
		return
	}
	c.queue.Add(key)
}

func (c *controller) next(ctx context.Context) bool {
	key, stop := c.queue.Get()
	if stop {
		return false
	}
	defer c.queue.Done(key)
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err == nil {
		if namespace == "" {
			err = c.reclaim(ctx, name)
		} else {
			err = c.provision(ctx, namespace, name)
		}
	}
	if err != nil {
		klog.ErrorS(err, "Trying again", "object", key)
		c.queue.AddRateLimited(key)
	} else {
		c.queue.Forget(key)
	}
	return true
}

// provision makes the volume of one claim; the volume controller binds the two.
func (c *controller) provision(ctx context.Context, namespace, name string) error {
	claim, err := c.claims.PersistentVolumeClaims(namespace).Get(name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if claim.Annotations[wantedFrom] != Name || claim.Spec.VolumeName != "" || claim.Spec.StorageClassName == nil || claim.DeletionTimestamp != nil {
		return nil
	}
	class, err := c.classes.Get(*claim.Spec.StorageClassName)
	if err != nil {
		return err
	}
	late := class.VolumeBindingMode != nil && *class.VolumeBindingMode == storage.VolumeBindingWaitForFirstConsumer
	if node := claim.Annotations[selectedNode]; node != c.node && (late || node != "") {
		return nil // no pod wants it yet, or another node has to make it
	}
	if reason := unsupported(claim); reason != "" {
		return c.refuse(ctx, claim, reason)
	}
	volume := c.volume(claim, class)
	if err := os.Mkdir(volume.Spec.Local.Path, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if _, err := c.client.CoreV1().PersistentVolumes().Create(ctx, volume, meta.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	klog.InfoS("Made", "volume", volume.Name, "claim", namespace+"/"+name)
	return nil
}

func unsupported(claim *core.PersistentVolumeClaim) string {
	if claim.Spec.VolumeMode != nil && *claim.Spec.VolumeMode == core.PersistentVolumeBlock {
		return "this class has no block devices, only file systems"
	}
	if claim.Spec.DataSource != nil || claim.Spec.DataSourceRef != nil {
		return "this class makes empty volumes only, no copies"
	}
	if claim.Spec.Selector != nil {
		return "this class makes its volumes by itself; a selector cannot choose among them"
	}
	return ""
}

// refuse says on the claim why it gets no volume; `kubectl describe` shows it. The claim stays pending.
func (c *controller) refuse(ctx context.Context, claim *core.PersistentVolumeClaim, reason string) error {
	now := meta.Now()
	_, err := c.client.CoreV1().Events(claim.Namespace).Create(ctx, &core.Event{
		ObjectMeta: meta.ObjectMeta{GenerateName: claim.Name + "-"},
		InvolvedObject: core.ObjectReference{
			Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
		},
		Type: core.EventTypeWarning, Reason: "ProvisioningFailed", Message: reason, Count: 1, FirstTimestamp: now, LastTimestamp: now,
		Source: core.EventSource{Component: Name},
	}, meta.CreateOptions{})
	return err
}

func (c *controller) volume(claim *core.PersistentVolumeClaim, class *storage.StorageClass) *core.PersistentVolume {
	// The claim's own identity: a claim made anew under the old name gets a new volume.
	name := "pvc-" + string(claim.UID)
	reclaim := core.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		reclaim = *class.ReclaimPolicy
	}
	mode := core.PersistentVolumeFilesystem
	return &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: name, Annotations: map[string]string{provisionedBy: Name}},
		Spec: core.PersistentVolumeSpec{
			Capacity:                      core.ResourceList{core.ResourceStorage: claim.Spec.Resources.Requests[core.ResourceStorage]},
			AccessModes:                   claim.Spec.AccessModes,
			PersistentVolumeReclaimPolicy: reclaim,
			StorageClassName:              class.Name,
			VolumeMode:                    &mode,
			PersistentVolumeSource:        core.PersistentVolumeSource{Local: &core.LocalVolumeSource{Path: filepath.Join(c.folder, name)}},
			ClaimRef: &core.ObjectReference{
				Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			NodeAffinity: &core.VolumeNodeAffinity{Required: &core.NodeSelector{NodeSelectorTerms: []core.NodeSelectorTerm{{
				MatchExpressions: []core.NodeSelectorRequirement{{Key: core.LabelHostname, Operator: core.NodeSelectorOpIn, Values: []string{c.node}}},
			}}}},
		},
	}
}

// reclaim removes a volume whose claim is gone, and the data in it, where its policy says so.
func (c *controller) reclaim(ctx context.Context, name string) error {
	volume, err := c.volumes.Get(name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if volume.Annotations[provisionedBy] != Name || volume.Spec.Local == nil || volume.Status.Phase != core.VolumeReleased ||
		volume.Spec.PersistentVolumeReclaimPolicy != core.PersistentVolumeReclaimDelete {
		return nil
	}
	// The path is data that people may write to: nothing but this provisioner's own folders is ever removed.
	path := filepath.Join(c.folder, volume.Name)
	if filepath.Clean(volume.Spec.Local.Path) != path || filepath.Dir(path) != filepath.Clean(c.folder) {
		return fmt.Errorf("volume %s lies in %s, not in %s: left alone", name, volume.Spec.Local.Path, path)
	}
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	if err := c.client.CoreV1().PersistentVolumes().Delete(ctx, name, meta.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	klog.InfoS("Removed", "volume", name)
	return nil
}
