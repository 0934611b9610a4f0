// Command cdi-controller runs CDI's controllers, as CDI's own program does, with the key files given by flags and
// without its metrics server: that one reads and listens at fixed places.
package main

import (
	"context"
	"errors"
	"flag"
	"os"

	snapshot "github.com/kubernetes-csi/external-snapshotter/client/v6/apis/volumesnapshot/v1"
	openshift "github.com/openshift/api/config/v1"
	image "github.com/openshift/api/image/v1"
	route "github.com/openshift/api/route/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	extensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	cdi "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	forklift "kubevirt.io/containerized-data-importer-api/pkg/apis/forklift/v1beta1"
	metrics "kubevirt.io/containerized-data-importer/pkg/monitoring/metrics/cdi-controller"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/manager/signals"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// namespace is where CDI is installed.
const namespace = "cdi"

func main() {
	klog.InitFlags(nil)
	inputs := declare()
	flag.Parse() // -kubeconfig is declared by controller-runtime
	log.SetLogger(klog.NewKlogr())
	if err := run(signals.SetupSignalHandler(), inputs); err != nil {
		klog.Error(err)
		os.Exit(1)
	}
}

func run(ctx context.Context, inputs *inputs) error {
	if err := metrics.SetupMetrics(); err != nil {
		return err
	}
	cluster, err := config.GetConfig()
	if err != nil {
		return err
	}
	kinds, err := kinds()
	if err != nil {
		return err
	}
	controllers, err := manager.New(cluster, manager.Options{
		Scheme:                  kinds,
		Cache:                   cache.Options{ByObject: within()},
		Metrics:                 server.Options{BindAddress: "0"},
		LeaderElection:          true,
		LeaderElectionID:        "cdi-controller-leader-election-helper",
		LeaderElectionNamespace: namespace,
	})
	if err != nil {
		return err
	}
	if err := register(ctx, controllers, inputs); err != nil {
		return err
	}
	return controllers.Start(ctx)
}

func kinds() (*runtime.Scheme, error) {
	kinds := runtime.NewScheme()
	return kinds, errors.Join(scheme.AddToScheme(kinds), extensions.AddToScheme(kinds), snapshot.AddToScheme(kinds),
		cdi.AddToScheme(kinds), forklift.AddToScheme(kinds),
		image.Install(kinds), openshift.Install(kinds), route.Install(kinds))
}

// within narrows the cache to CDI's own namespace for the kinds of which it needs no others.
func within() map[client.Object]cache.ByObject {
	here := cache.ByObject{Field: fields.OneTermEqualSelector("metadata.namespace", namespace)}
	return map[client.Object]cache.ByObject{
		&batch.CronJob{}:      here,
		&batch.Job{}:          here,
		&core.ConfigMap{}:     here,
		&core.Secret{}:        here,
		&networking.Ingress{}: here,
	}
}
