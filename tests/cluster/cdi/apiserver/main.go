// Command cdi-apiserver serves CDI's webhooks and its aggregated API, as CDI's own program does, with the address,
// the port and the key files given by flags: that one listens on port 8443 of every address.
package main

import (
	"context"
	"errors"
	"flag"
	"os/signal"
	"syscall"

	snapshots "github.com/kubernetes-csi/external-snapshotter/client/v6/clientset/versioned"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	aggregator "k8s.io/kube-aggregator/pkg/client/clientset_generated/clientset"
	"kubevirt.io/containerized-data-importer/pkg/apiserver"
	cdi "kubevirt.io/containerized-data-importer/pkg/client/clientset/versioned"
	certificates "kubevirt.io/containerized-data-importer/pkg/util/cert/watcher"
	cryptography "kubevirt.io/containerized-data-importer/pkg/util/tls-crypto-watch"
)

var (
	kubeconfig  = flag.String("kubeconfig", "", "how to reach the cluster")
	listen      = flag.String("listen", "127.0.0.1", "address to listen on")
	port        = flag.Uint("port", 8443, "port to listen on")
	certificate = flag.String("tls-cert-file", "", "certificate of the server")
	key         = flag.String("tls-key-file", "", "key of the server's certificate")
)

func main() {
	klog.InitFlags(nil)
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx); err != nil {
		klog.Fatal(err)
	}
}

func run(ctx context.Context) error {
	cluster, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	objects, err := newReader(cluster)
	if err != nil {
		return err
	}
	keys, err := certificates.New(*certificate, *key)
	if err != nil {
		return err
	}
	server, err := newServer(ctx, cluster, objects, keys)
	if err != nil {
		return err
	}
	go func() {
		if err := objects.cache.Start(ctx); err != nil {
			klog.Fatal(err)
		}
	}()
	if !objects.cache.WaitForCacheSync(ctx) {
		return errors.New("the cache did not fill")
	}
	go func() {
		if err := keys.Start(ctx.Done()); err != nil {
			klog.Error(err)
		}
	}()
	return server.Start(ctx.Done())
}

func newServer(
	ctx context.Context, cluster *rest.Config, objects *reader, keys *certificates.CertWatcher,
) (apiserver.CdiAPIServer, error) {
	client, err := kubernetes.NewForConfig(cluster)
	if err != nil {
		return nil, err
	}
	ownClient, err := cdi.NewForConfig(cluster)
	if err != nil {
		return nil, err
	}
	front, err := apiserver.NewAuthConfigWatcher(ctx, client)
	if err != nil {
		return nil, err
	}
	ciphers, err := cryptography.NewCdiConfigTLSWatcher(ctx, ownClient)
	if err != nil {
		return nil, err
	}
	authorizer, err := apiserver.NewAuthorizorFromConfig(cluster, front)
	if err != nil {
		return nil, err
	}
	return apiserver.NewCdiAPIServer(*listen, *port, client, aggregator.NewForConfigOrDie(cluster), ownClient,
		snapshots.NewForConfigOrDie(cluster), objects, authorizer, front, ciphers, keys, map[string]string{})
}
