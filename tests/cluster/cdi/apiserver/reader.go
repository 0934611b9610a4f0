package main

import (
	"context"

	snapshot "github.com/kubernetes-csi/external-snapshotter/client/v6/apis/volumesnapshot/v1"
	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	cdi "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	volumes "kubevirt.io/containerized-data-importer/pkg/controller/datavolume"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// reader asks the API server for everything but the kinds that CDI's webhooks search by an index of the cache:
// the rest must never be stale when a request is judged.
type reader struct {
	client.Client
	cache cache.Cache
}

func newReader(cluster *rest.Config) (*reader, error) {
	kinds := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, cdi.AddToScheme, snapshot.AddToScheme} {
		if err := add(kinds); err != nil {
			return nil, err
		}
	}
	live, err := client.New(cluster, client.Options{Scheme: kinds})
	if err != nil {
		return nil, err
	}
	kept, err := cache.New(cluster, cache.Options{Scheme: kinds, ByObject: map[client.Object]cache.ByObject{
		&core.PersistentVolume{}: {}, &storage.StorageClass{}: {}, &cdi.StorageProfile{}: {},
	}})
	if err != nil {
		return nil, err
	}
	return &reader{live, kept}, volumes.CreateAvailablePersistentVolumeIndex(kept)
}

func (r *reader) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	switch object.(type) {
	case *core.PersistentVolume, *storage.StorageClass, *cdi.StorageProfile:
		return r.cache.Get(ctx, key, object, options...)
	}
	return r.Client.Get(ctx, key, object, options...)
}

func (r *reader) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	switch list.(type) {
	case *core.PersistentVolumeList, *storage.StorageClassList, *cdi.StorageProfileList:
		return r.cache.List(ctx, list, options...)
	}
	return r.Client.List(ctx, list, options...)
}
