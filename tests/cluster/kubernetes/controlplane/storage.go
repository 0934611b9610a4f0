package main

import (
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// patience bounds the start of etcd and of kube-apiserver.
const patience = 60 * time.Second

// storage says where etcd keeps its data and listens.
type storage struct {
	directory     string
	port          int
	unsafeNoFsync bool
}

// start runs etcd, with one member, until it takes requests.
func start(store storage) (*embed.Etcd, error) {
	client := url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", store.port)}
	peer := url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	config := embed.NewConfig()
	config.Dir = store.directory
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.UnsafeNoFsync = store.unsafeNoFsync
	config.LogLevel = "warn"
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case <-time.After(patience):
		etcd.Close()
		return nil, fmt.Errorf("etcd is not ready after %s", patience)
	}
}
