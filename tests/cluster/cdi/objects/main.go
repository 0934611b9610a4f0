// Command cdi-objects prints as one JSON List what CDI's operator registers with the API server:
// CustomResourceDefinitions, webhook configurations, the APIService and the ClusterRoles of users.
package main

import (
	"encoding/json"
	"log"
	"os"
	"slices"
	"strings"

	"kubevirt.io/containerized-data-importer/pkg/operator/resources"
	"kubevirt.io/containerized-data-importer/pkg/operator/resources/cluster"
	"sigs.k8s.io/yaml"
)

const namespace = "cdi"

func main() {
	items, err := objects()
	if err != nil {
		log.Fatal(err)
	}
	list := map[string]any{"apiVersion": "v1", "kind": "List", "items": items}
	if err := json.NewEncoder(os.Stdout).Encode(list); err != nil {
		log.Fatal(err)
	}
}

func objects() ([]any, error) {
	items := []any{}
	args := &cluster.FactoryArgs{Namespace: namespace}
	registrations, err := cluster.CreateDynamicResourceGroup("apiserver-registrations", args)
	if err != nil {
		return nil, err
	}
	roles, err := cluster.CreateStaticResourceGroup("aggregate-roles", args)
	if err != nil {
		return nil, err
	}
	for _, object := range append(registrations, roles...) {
		items = append(items, object)
	}
	for _, name := range names() {
		definition, err := yaml.YAMLToJSON([]byte(resources.CDICRDs[name]))
		if err != nil {
			return nil, err
		}
		items = append(items, json.RawMessage(definition))
	}
	return items, nil
}

// names are the keys of CDI's CustomResourceDefinitions, in an order that stays.
func names() []string {
	names := make([]string, 0, len(resources.CDICRDs))
	for name := range resources.CDICRDs {
		names = append(names, name)
	}
	slices.SortFunc(names, strings.Compare)
	return names
}
