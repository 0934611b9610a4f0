// Command cdi-uploadproxy passes uploads on to the servers of volumes, as CDI's own program does, with the address, the
// port, the key files and the cluster's DNS given by flags: that one listens on port 8443 of every address, and asks
// the DNS of the Pod that it runs in.
package main

import (
	"context"
	"errors"
	"flag"
	"net"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	cdi "kubevirt.io/containerized-data-importer/pkg/client/clientset/versioned"
	"kubevirt.io/containerized-data-importer/pkg/uploadproxy"
	"kubevirt.io/containerized-data-importer/pkg/util/cert/fetcher"
	certificates "kubevirt.io/containerized-data-importer/pkg/util/cert/watcher"
	cryptography "kubevirt.io/containerized-data-importer/pkg/util/tls-crypto-watch"
)

var (
	kubeconfig        = flag.String("kubeconfig", "", "how to reach the cluster")
	listen            = flag.String("listen", "127.0.0.1", "address to listen on")
	port              = flag.Uint("port", 8443, "port to listen on")
	dns               = flag.String("dns", "", "host and port of the cluster's DNS")
	tokenKey          = flag.String("token-key-file", "", "public key of upload tokens")
	certificate       = flag.String("tls-cert-file", "", "certificate of the server")
	key               = flag.String("tls-key-file", "", "key of the server's certificate")
	clientCertificate = flag.String("upload-client-cert-file", "", "certificate that upload servers are shown")
	clientKey         = flag.String("upload-client-key-file", "", "key of the certificate that upload servers are shown")
)

func main() {
	klog.InitFlags(nil)
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", *dns)
	}}
	if err := run(ctx); err != nil {
		klog.Fatal(err)
	}
}

func run(ctx context.Context) error {
	cluster, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	public, err := os.ReadFile(*tokenKey)
	if err != nil {
		return err
	}
	ciphers, err := cryptography.NewCdiConfigTLSWatcher(ctx, cdi.NewForConfigOrDie(cluster))
	if err != nil {
		return err
	}
	keys, err := certificates.New(*certificate, *key)
	if err != nil {
		return err
	}
	client := kubernetes.NewForConfigOrDie(cluster)
	own := &fetcher.FileCertFetcher{KeyFileName: *clientKey, CertFileName: *clientCertificate}
	servers := &fetcher.ConfigMapCertBundleFetcher{
		Name: "cdi-uploadserver-signer-bundle", Client: client.CoreV1().ConfigMaps("cdi"),
	}
	proxy, err := uploadproxy.NewUploadProxy(*listen, *port, string(public), ciphers, keys, own, servers, client)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- keys.Start(ctx.Done()) }()
	go func() { ended <- proxy.Start() }()
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return errors.Join(errors.New("a server has ended"), err)
	}
}
